# What is generated from the schema. One run of the compiler makes all of it.
#
#   GENERATED        every generated header: order-only prerequisite of whoever compiles C
#   GEN_TYPES_SRC    codecs            (freestanding)
#   GEN_SERVER_SRC   dispatch          (freestanding)
#   GEN_CLIENT_SRC   client stubs      (user space, on libcapos' cap_invoke)
#   GEN_INTERFACES_SRC  name tables    (freestanding)
#   GEN_REFLECTION_SRC  the schema as data (lib/capnp/schema.h)
#   CAPNP_SRC        lib/capnp, which all of them need
#   GEN_CFLAGS       include paths for all of them

CAPNP_SRC := lib/capnp/reader.c lib/capnp/list.c lib/capnp/builder.c
CAPNPC    := $(B)/capnpc-capos

GEN := $(B)/gen
SCHEMA := $(sort $(wildcard schema/*.capnp))
SCHEMA_NAMES := $(patsubst schema/%.capnp,%,$(SCHEMA))

GEN_HEADERS        := $(foreach n,$(SCHEMA_NAMES),$(GEN)/capos/$(n).h $(GEN)/capos/$(n)_server.h) $(GEN)/interfaces.h
GEN_TYPES_SRC      := $(SCHEMA_NAMES:%=$(GEN)/%_types.c)
GEN_SERVER_SRC     := $(SCHEMA_NAMES:%=$(GEN)/%_server.c)
GEN_CLIENT_SRC     := $(SCHEMA_NAMES:%=$(GEN)/%_client.c)
GEN_INTERFACES_SRC := $(GEN)/interfaces.c
GEN_REFLECTION_SRC := $(GEN)/reflection.c
GEN_REFERENCE      := $(SCHEMA_NAMES:%=$(GEN)/reference/%.md)
GEN_CFLAGS         := -Iabi -I$(GEN) -Ilib/capnp

GENERATED += $(GEN_HEADERS)
ALL += $(GEN_HEADERS)

# Grouped targets: one run of the recipe makes them all, whatever -j says. The old files go first, so that what a
# removed schema file left behind cannot be compiled in.
$(GEN_HEADERS) $(GEN_TYPES_SRC) $(GEN_SERVER_SRC) $(GEN_CLIENT_SRC) $(GEN_INTERFACES_SRC) $(GEN_REFLECTION_SRC) $(GEN_REFERENCE) \
$(GEN)/abi.lock &: $(SCHEMA) $(CAPNPC)
	$(Q)rm -rf $(GEN)
	@mkdir -p $(GEN)
	$(Q)capnp compile -o$(CURDIR)/$(CAPNPC):$(GEN) $(SCHEMA)
