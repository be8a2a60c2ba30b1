"""Arrays from outside: one door for every file of arrays, whoever wrote it, for `compare` and `import` alike."""
