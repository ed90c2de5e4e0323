// The compiler takes a function without a body, as runall is, only from a package that has assembly.
