@0xc2f3a97d51e0b846;
# Files that come with the boot package: what a file server starts with.

using Fs = import "fs.capnp";

struct FileTree {
  nodes @0 :List(TreeNode);      # a directory stands before what is in it
}

struct TreeNode {
  parent @0 :UInt32;             # 0: the root; n: the directory that is nodes[n - 1]
  kind @1 :Fs.NodeKind;
  name @2 :Data;
  content @3 :Data;              # of a file; of a link its text
  modifiedUnixNs @4 :Int64;
  executable @5 :Bool;
}
