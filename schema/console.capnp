@0x9fb407011c5012f7;
# The machine's console. Bytes appear in the order of completion; one call's bytes are never torn apart.

interface Console {
  write @0 (data :Data) -> ();
  # Writes at most 1024 bytes as they are.
  # invalidArgument: more than 1024 bytes.

  writeLine @1 (text :Text) -> ();
  # Writes at most 1023 bytes of text and a newline.
  # invalidArgument: longer than that.
}
