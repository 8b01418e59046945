// The extension module: nothing but the list of what the other files bind.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "levels.hpp"

namespace nb = nanobind;

void bind_words(nb::module_ &m);
void bind_text(nb::module_ &m);
void bind_neighbours(nb::module_ &m);
void bind_cooccurrence(nb::module_ &m);
void bind_glove(nb::module_ &m);
void bind_subwords(nb::module_ &m);
void bind_phrases(nb::module_ &m);

static std::vector<std::string> compiled_levels() {
  std::vector<std::string> names;
#define NAME(level) names.push_back(#level);
  LIKEWISE_FOR_EACH_LEVEL(NAME)
#undef NAME
  return names;
}

static bool machine_has_level(const std::string &name) {
#define CHECK(level) \
  if (name == #level) return likewise::machine_has(likewise::Level::level);
  LIKEWISE_FOR_EACH_LEVEL(CHECK)
#undef CHECK
  return false;
}

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of likewise; use them through likewise.kernels.";
  m.def("compiled_levels", &compiled_levels);
  m.def("machine_has", &machine_has_level);
  bind_words(m);
  bind_text(m);
  bind_neighbours(m);
  bind_cooccurrence(m);
  bind_glove(m);
  bind_subwords(m);
  bind_phrases(m);
}
