"""Reports on pictures: vectors, pixels and labels in, a verdict and sections of evidence out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from likewise.evaluate.collapse import diagnose
from likewise.evaluate.course_sections import learning_course, shape
from likewise.evaluate.inside_sections import attention, depths, exciting_patches, filled_in, first_filters, predicted
from likewise.evaluate.picture_sections import (
    Pictured,
    few_labels,
    nearest_pictures,
    probes,
)
from likewise.evaluate.pull_push import pull_and_push
from likewise.evaluate.report import Report, network_report
from likewise.evaluate.sections import Section
from likewise.evaluate.seeds_sections import TITLE, agreement


def picture_report(
    subject: Pictured, *, title: str = "", facts: Mapping[str, Any] | None = None, session: Any = None
) -> Report:
    """Measure what vectors of pictures are worth, beside raw pixels, manual features and the untrained network.

    What cannot be measured is left out or says why; a wish to stop of `session` ends the measuring early.
    """
    diagnosis = diagnose(subject.vectors, seed=subject.seed)
    steps: dict[str, Callable[[], list[Section]]] = {
        "Learning": lambda: learning_course(subject.history),
        "Pull and push": lambda: pull_and_push(subject.history),
        "Nearest pictures": lambda: nearest_pictures(subject),
        "Labels": lambda: probes(subject),
        "With few labels": lambda: few_labels(subject),
        "Depth": lambda: depths(subject),
        "Filters": lambda: first_filters(subject),
        "What excites a unit": lambda: exciting_patches(subject),
        "Attention": lambda: attention(subject),
        "Hidden and filled in": lambda: filled_in(subject.filled),
        "Hidden and predicted": lambda: predicted(subject.predicted),
        TITLE: lambda: agreement(subject),
        "Shape of the space": lambda: shape(subject.vectors, diagnosis),
    }
    return network_report(
        "pictures", subject.vectors, subject.history, diagnosis, steps, title=title, facts=facts, session=session
    )
