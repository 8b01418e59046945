// top-k selection, once per level
