"""YAML that eats memory, time or the stack of a reader without bounds."""

ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""9**9 texts in some hundred bytes."""
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}], k{name}: 1}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "aliases": (ALIASES, "more than 20000 values"),
    "merges": (MERGES, "more than 20000 values"),
    "a long text many times": (f"a: &a {'x' * 30_000}\nb: [{', '.join(['*a'] * 5000)}]", "more than 20000 values"),
    "contains itself": ("a: &a [*a]", r"\*a contains itself in line 1"),
    "deep lists": ("[" * 10_000, "more than 20 deep"),
    "deep mappings": ("{a: " * 10_000, "more than 20 deep"),
    "deep blocks": ("".join(f"{' ' * n}a:\n" for n in range(300)), "more than 20 deep"),
    "a number of 400 digits": ("1" + "0" * 400, "the number 10+… does not fit in 64 bits"),
    "a number of 5,000 digits": ("1" + "0" * 5000, "does not fit in 64 bits"),
    "a hexadecimal number": ("0x" + "f" * 99, "does not fit in 64 bits"),
    "a number to the base of 60": ("1:" * 40 + "1", "does not fit in 64 bits"),
    "a timestamp": ("!!timestamp x", "could not determine a constructor for the tag 'tag:yaml.org,2002:timestamp'"),
    "bytes": ("!!binary x", "could not determine a constructor"),
    "an object": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "no number": ("!!int x", "invalid literal"),
    "no truth": ("!!bool x", "cannot be read"),
    "an empty number": ("!!int ''", "cannot be read"),
    "a key that cannot be one": ("{[1]: 2}", "found unhashable key in line 1"),
    "a key twice": ("a: 1\nb: 2\na: 3", "there is a duplicate key a in line 3"),
    "control characters": ("a: \x00", "unacceptable character"),
    "many lines of an error": ("a: [\n" * 3 + "}", "cannot be read"),
    "too large": ("#" * 70_000, "is too large"),
}
"""Name, text, and what a reader says of it."""
