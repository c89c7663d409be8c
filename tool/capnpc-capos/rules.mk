# The code generator: a host program, a plugin of `capnp compile`. docs/schema.md.

CAPNPC_SRC := $(wildcard tool/capnpc-capos/*.c) lib/capnp/reader.c lib/capnp/list.c
CAPNPC_HDR := $(wildcard tool/capnpc-capos/*.h) lib/capnp/capnp.h lib/capnp/call.h lib/capnp/internal.h

$(CAPNPC): $(CAPNPC_SRC) $(CAPNPC_HDR) $(wildcard abi/capos/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Iabi -Ilib/capnp -Itool/capnpc-capos $(CAPNPC_SRC) -o $@
