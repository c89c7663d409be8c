@0x89eb569f15d167ab;
# The kernel's log: a bounded ring of records that drops the oldest.

enum LogLevel {
  error @0;
  warn @1;
  info @2;
  debug @3;
}

struct LogRecord {
  sequence @0 :UInt64;   # counts from 0; a gap means records were dropped
  timeNs @1 :UInt64;     # monotonic
  level @2 :LogLevel;
  processId @3 :UInt64;  # 0: the kernel
  text @4 :Text;
}

interface LogReader {
  read @0 (cursor :UInt64, maxRecords :UInt16) -> (records :List(LogRecord), nextCursor :UInt64, dropped :UInt64);
  # Records with sequence >= cursor, oldest first, at most 16 at a time and as many as fit the caller's buffer. `dropped`
  # counts the records between cursor and the first one returned that are gone. Never blocks.
}

interface LogSink {
  write @0 (level :LogLevel, text :Text) -> ();
  # Appends a record under the caller's process id; text longer than 256 bytes is refused (invalidArgument).
}
