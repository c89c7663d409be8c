@0xfa169d6a637bfba9;
# A person at a terminal, and what a program sees of them.

struct WindowSize {
  columns @0 :UInt16;
  rows @1 :UInt16;
}

interface ConsoleInput {
  # The machine's console as a source of bytes; the kernel's. One reader at a time is served, in order of asking.
  read @0 (maxBytes :UInt32) -> (data :Data, lost :UInt32);
  # Completes when there is at least one byte. `lost`: how often bytes were lost because nobody read, since the last read.
}

interface StdIO {
  # What a child gets: a stream in and a stream out.

  read @0 (maxBytes :UInt32) -> (data :Data);
  # In line mode a line, its newline included, or what fits of it. No data: end of file.

  write @1 (data :Data) -> (written :UInt32);
  # Out as they are. A line that one writer has begun is not torn by another's output.

  writeError @2 (data :Data) -> (written :UInt32);
  isTerminal @3 () -> (input :Bool, output :Bool, size :WindowSize);
  flush @4 () -> ();
}

enum TerminalMode {
  line @0;
  raw @1;
}

interface TerminalSession {
  # The whole session: whoever holds it decides how the terminal behaves.

  read @0 (maxBytes :UInt32) -> (data :Data, endOfFile :Bool, interrupted :Bool);
  write @1 (data :Data) -> (written :UInt32);

  readLine @2 (prompt :Text, echo :Bool, initial :Text) -> (line :Text, endOfFile :Bool, interrupted :Bool);
  # With line editing, history and completion; echo false: a password, which is neither shown nor kept.

  setMode @3 (mode :TerminalMode, echo :Bool) -> ();
  size @4 () -> (size :WindowSize);
  waitResize @5 (known :WindowSize) -> (size :WindowSize);
  waitInterrupt @6 () -> ();
  # Completes at the next Ctrl-C that no read took.

  setCompleter @7 (completer :Completer) -> ();
  addHistory @8 (line :Text) -> ();

  stdio @9 (name :Text) -> (io :StdIO);
  # For a child. Revoked, in effect, when the session gives the foreground to none.
  foreground @10 (io :StdIO) -> ();
  # Whose reads get what is typed; null: the session's own.

  newSession @11 (title :Text) -> (session :TerminalSession);
  # Another session on the same terminal; Ctrl-A n switches between them.
}

interface Completer {
  complete @0 (line :Text, cursor :UInt32) -> (start :UInt32, candidates :List(Text));
  # What could stand instead of the bytes from `start` to `cursor`.
}
