// skip-gram arithmetic, once per level
