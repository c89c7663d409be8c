# The wire codec (freestanding): its tests and its fuzz target. schema/rules.mk names its sources (CAPNP_SRC).

# Code generated from the test schemas, by the same generator.
TESTGEN      := $(B)/capnp-test
TEST_SCHEMA  := $(sort $(wildcard lib/capnp/test/*.capnp))
TEST_NAMES   := $(patsubst lib/capnp/test/%.capnp,%,$(TEST_SCHEMA))
TESTGEN_SRC  := $(foreach n,$(TEST_NAMES),$(TESTGEN)/$(n)_types.c $(TESTGEN)/$(n)_server.c $(TESTGEN)/$(n)_client.c) \
                $(TESTGEN)/interfaces.c
TESTGEN_TYPES := $(TEST_NAMES:%=$(TESTGEN)/%_types.c)
CAPNP_TEST_CFLAGS := -Iabi -I$(TESTGEN) -I$(GEN) -Ilib/capnp -Ilib/capos/include
CAPNP_HDR    := $(wildcard lib/capnp/*.h lib/capnp/test/*.h)

$(TESTGEN_SRC) &: $(TEST_SCHEMA) $(CAPNPC)
	$(Q)rm -rf $(TESTGEN)
	@mkdir -p $(TESTGEN)
	$(Q)capnp compile -o$(CURDIR)/$(CAPNPC):$(TESTGEN) $(TEST_SCHEMA)

$(eval $(call unit_test,capnp-wire,lib/capnp/wire_test.c $(CAPNP_SRC),$(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-tool,lib/capnp/tool_test.c lib/capnp/test/support.c $(TESTGEN_TYPES) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))
$(eval $(call unit_test,capnp-stubs,lib/capnp/stub_test.c lib/capnp/test/support.c $(TESTGEN_SRC) $(CAPNP_SRC),\
    -Ilib/capnp/test $(CAPNP_TEST_CFLAGS),))
