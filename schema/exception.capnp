@0xf03a14fab08e9ce1;
# What a call answers when the capability itself refuses or fails, as opposed to an outcome in the method's own
# results (docs/ring.md, "three layers of error").

struct CapException {
  enum Kind {
    failed @0;           # the operation broke in a way the caller cannot mend
    overloaded @1;       # a queue or quota of the callee is full; trying later may work
    disconnected @2;     # the object behind the capability is gone
    unimplemented @3;    # the interface has no such method, or this object does not do it
    invalidArgument @4;  # an argument is outside the method's contract
  }
  kind @0 :Kind;
  reason @1 :Text;       # a sentence for a person; never holds addresses or secrets of the callee
}
