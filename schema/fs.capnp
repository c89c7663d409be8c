@0xfe0580e47cf54f81;
# Files and what names them. There is no path from the root and no current directory: a Directory is a capability to
# what is below it and to nothing else. It has no parent method, so no name leads out of it.
#
# Ordinary outcomes are in each method's `status`; exceptions are for what should not happen. A name is 1 to 255 bytes
# without '/' and NUL, and neither "." nor "..": badName. A result's other fields mean something only when status is ok.

using Memory = import "memory.capnp";

enum FsStatus {
  ok @0;
  notFound @1;
  exists @2;
  notDirectory @3;
  isDirectory @4;
  isLink @5;          # the name is a symbolic link: its text is in the results, resolving it is the caller's business
  notEmpty @6;
  badName @7;
  readOnly @8;        # this capability does not allow writing
  appendOnly @9;      # this capability only allows append
  noSpace @10;        # the file system's memory is used up
  overQuota @11;      # a quota of this capability's is used up: a sub-tree's, an account's, a Namespace's
  tooLarge @12;       # an offset or size above the limit for files
  tooManyLinks @13;
  crossDevice @14;    # rename or link between two file systems or quotas
  closed @15;         # the File was closed
  notLink @16;
  busy @17;
}

enum NodeKind {
  file @0;
  directory @1;
  link @2;
}

struct NodeInfo {
  node @0 :UInt64;          # the same for all names of one file, never used again
  kind @1 :NodeKind;
  size @2 :UInt64;          # bytes; entries of a directory; length of a link's text
  allocatedBytes @3 :UInt64;# less than size for sparse files
  links @4 :UInt32;
  modifiedUnixNs @5 :Int64;
  changedUnixNs @6 :Int64;
  createdUnixNs @7 :Int64;
  version @8 :UInt64;       # grows with every change of content
  executable @9 :Bool;
}

interface File {
  read @0 (offset :UInt64, maxBytes :UInt32) -> (status :FsStatus, data :Data);
  # At most 4096 bytes a call; fewer at the end, none behind it.

  write @1 (offset :UInt64, data :Data) -> (status :FsStatus, written :UInt32);
  # At most 4096 bytes a call. Behind the end the gap reads as zeros and takes no memory.

  append @2 (data :Data) -> (status :FsStatus, offset :UInt64);
  # At the end, as one piece whatever others append; where it went.

  stat @3 () -> (status :FsStatus, info :NodeInfo);

  truncate @4 (size :UInt64) -> (status :FsStatus);
  sync @5 () -> (status :FsStatus);
  # Everything acknowledged before is where it stays for as long as the file system lives.

  backing @6 (writable :Bool) -> (status :FsStatus, data :Memory.MemoryObject, header :Memory.MemoryObject);
  # The file's pages as memory: what is read there is what read would give, what is written there others read. `header` is
  # a page to be mapped read-only (struct capos_file_header in abi/capos/file_header.h): the file's size and version now, and
  # whether `data` still is the file's memory. data.size is the capacity, which may be more than the file's size;
  # growing the file beyond it replaces the memory. readOnly: asked for to write; or of a file with holes, which its memory
  # does not have, so that the file would take more than it does: ask through a capability that may write.

  watch @7 (version :UInt64) -> (status :FsStatus, info :NodeInfo);
  # Completes when the file's version is another one than that, or sooner: with too many waiting calls (64 of one client)
  # the oldest is answered with the version that it knows.

  readOnly @8 () -> (status :FsStatus, file :File);
  appendOnly @9 () -> (status :FsStatus, file :File);

  close @10 () -> (status :FsStatus);
  # This open file, in whoever's hands it is, answers `closed` from now on, and so does what was made from it by readOnly
  # and appendOnly; closing one of those closes nothing else. Dropping the last capability to it closes it as well.

  setTimes @11 (modifiedUnixNs :Int64) -> (status :FsStatus);
  setExecutable @12 (executable :Bool) -> (status :FsStatus);
}

struct OpenFlags {
  create @0 :Bool;      # make it if it is not there
  exclusive @1 :Bool;   # with create: `exists` if it is
  truncate @2 :Bool;
  readOnly @3 :Bool;    # what comes back cannot write
}

struct DirEntry {
  name @0 :Data;
  kind @1 :NodeKind;
  node @2 :UInt64;
  cookie @3 :UInt64;    # list from here goes on behind this entry
}

interface Directory {
  open @0 (name :Data, flags :OpenFlags) -> (status :FsStatus, file :File, linkText :Data);

  list @1 (cookie :UInt64, maxEntries :UInt32) -> (status :FsStatus, entries :List(DirEntry), end :Bool);
  # From the beginning with cookie 0. What is there all the time is listed exactly once; what comes or goes meanwhile
  # may be listed or not.

  stat @2 (name :Data) -> (status :FsStatus, info :NodeInfo);
  # Of the directory itself when name is empty; of a link, not of what it leads to.

  mkdir @3 (name :Data) -> (status :FsStatus);
  remove @4 (name :Data) -> (status :FsStatus);
  # A file, a link, or an empty directory. Open files stay readable and writable until they are dropped.

  rename @5 (name :Data, to :Directory, newName :Data, replace :Bool) -> (status :FsStatus);
  # `to` null: in this directory. Atomic: every moment either name leads there. A directory cannot go below itself.

  link @6 (name :Data, to :Directory, newName :Data) -> (status :FsStatus);
  symlink @7 (name :Data, text :Data) -> (status :FsStatus);
  readLink @8 (name :Data) -> (status :FsStatus, text :Data);
  # A link is text; the caller's own resolver interprets it inside its own root.

  sub @9 (name :Data) -> (status :FsStatus, directory :Directory, linkText :Data);
  readOnly @10 () -> (status :FsStatus, directory :Directory);
  # The same tree; nothing obtained through it can write.

  withQuota @11 (maxBytes :UInt64, maxNodes :UInt64) -> (status :FsStatus, directory :Directory);
  # The same directory through a capability under which everything made counts against these limits, and every file from
  # the moment it is written to. At most 16 deep: overQuota.

  usage @12 () -> (status :FsStatus, usedBytes :UInt64, limitBytes :UInt64, usedNodes :UInt64, limitNodes :UInt64);
  watch @13 (version :UInt64) -> (status :FsStatus, version :UInt64);
  # Completes when names in this directory have come, gone or changed since that version; sooner as File.watch.

  clone @14 () -> (directory :Directory);
  # Another capability to the same, counted to the caller: what a holder passes on and keeps at once.
}

interface Store {
  # Immutable objects named by the SHA-256 of their content. They take the file system's space, and count in the account
  # that this Store puts into.

  put @0 (content :Memory.MemoryObject, size :UInt64) -> (status :FsStatus, hash :Data);
  putSmall @1 (content :Data) -> (status :FsStatus, hash :Data);
  # The same content twice is stored once and counted twice. What this account has put before takes nothing more
  # and is never overQuota, nor noSpace. Something new counts before it is copied: if it has more than 4096 bytes and is
  # put twice at once, it counts twice until the first is done.

  get @2 (hash :Data) -> (status :FsStatus, content :Memory.MemoryObject, size :UInt64);
  # Read-only memory.

  info @3 (hash :Data) -> (status :FsStatus, size :UInt64, references :UInt64);
  release @4 (hash :Data) -> (status :FsStatus);
  # One `put` of this account less; the object goes with the last of all, unless a Namespace's name leads to it.
  # notFound: this account has no put of it.

  readOnly @5 () -> (store :Store);

  withQuota @6 (maxBytes :UInt64, maxObjects :UInt64) -> (status :FsStatus, store :Store);
  # The same objects through an account of its own, within this one's limits: puts count there and can be released only
  # there, each object's whole size once, also if others have put it. They are released with the last capability to it. 0: no limit of its own.
  # At most 16 deep: overQuota. What FileSystem.store gives is one account without a limit, which stays.

  usage @7 () -> (usedBytes :UInt64, limitBytes :UInt64, usedObjects :UInt64, limitObjects :UInt64);
  # Of this account.
}

interface Namespace {
  # Names for objects of a Store, changed one at a time and atomically. A name is 1 to 255 bytes without NUL, and its
  # object stays as long as it does. '/' in it means nothing but that `sub` puts one behind its prefix.

  resolve @0 (name :Data) -> (status :FsStatus, hash :Data, version :UInt64);
  compareAndSet @1 (name :Data, expectedVersion :UInt64, hash :Data) -> (status :FsStatus, version :UInt64);
  # expectedVersion 0: the name must not exist. An empty hash removes it. `exists`: it has another version (returned).
  # `notFound`: there is no such object, or nothing to remove. Versions are never used again.

  list @2 (cookie :UInt64, maxEntries :UInt32) -> (status :FsStatus, names :List(Data), nextCookie :UInt64);
  # From the beginning with cookie 0; nextCookie 0: that was all. There may be none in an answer and more in the next.

  sub @3 (prefix :Data) -> (status :FsStatus, namespace :Namespace);
  readOnly @4 () -> (namespace :Namespace);

  withQuota @5 (maxBytes :UInt64, maxNames :UInt64) -> (status :FsStatus, namespace :Namespace);
  # The same names through a capability under which every name that is set counts against these limits, within this one's:
  # 128 bytes, its own with every prefix, and its object's whole size, also if others have put or named that. A name counts
  # where it was set last, until it is removed, whoever does that; names stay when the capability goes. 0: no limit of its
  # own. At most 16 deep: overQuota. Under FileSystem.namespace there is no limit.

  usage @6 () -> (usedBytes :UInt64, limitBytes :UInt64, usedNames :UInt64, limitNames :UInt64);
  # Of what counts against this capability's limits.
}

interface FileSystem {
  # The administrator's side of one file system: what init or a supervisor holds.

  root @0 () -> (directory :Directory);
  newTree @1 (maxBytes :UInt64, maxNodes :UInt64) -> (status :FsStatus, directory :Directory);
  # An empty tree of its own, gone when the last capability to its root is dropped.

  store @2 () -> (store :Store);
  namespace @3 () -> (namespace :Namespace);
  stats @4 () -> (usedBytes :UInt64, limitBytes :UInt64, nodes :UInt64, openFiles :UInt64, clients :UInt64);
}
