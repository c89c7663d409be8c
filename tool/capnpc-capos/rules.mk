# The code generator: a host program, a plugin of `capnp compile`. docs/schema.md. Its suites:
#
#   gen-golden     each emitter's output for a small schema, and the IR, as accepted in golden/expect
#   gen-refusals   what is not supported is refused with a sentence
#   gen-bootstrap  the offsets in request.h are those of the compiler's own schema
#   gen-headers    generated code compiles: both compilers, C and C++, kernel and user space
#   gen-reference  docs/reference is up to date
#   abi-lock       schema/abi.lock is up to date: nothing that programs rely on changed by accident

CAPNPC_DIR := tool/capnpc-capos
CAPNPC_SRC := $(wildcard $(CAPNPC_DIR)/*.c) lib/capnp/reader.c lib/capnp/list.c
CAPNPC_HDR := $(wildcard $(CAPNPC_DIR)/*.h lib/capnp/*.h abi/capos/*.h)

$(CAPNPC): $(CAPNPC_SRC) $(CAPNPC_HDR)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Iabi -Ilib/capnp -I$(CAPNPC_DIR) $(CAPNPC_SRC) -o $@
ALL += $(CAPNPC)

# The plugin under the sanitizers writes the golden files, so that the tests see its own mistakes too.
CAPNPC_SAN    := $(B)/capnpc-capos-san
GOLDEN        := $(B)/gen-golden
GOLDEN_SCHEMA := $(sort $(wildcard $(CAPNPC_DIR)/golden/*.capnp))

$(CAPNPC_SAN): $(CAPNPC_SRC) $(CAPNPC_HDR)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(SAN_CFLAGS) -Iabi -Ilib/capnp -I$(CAPNPC_DIR) $(CAPNPC_SRC) -o $@

CHECKS += gen-golden gen-refusals gen-bootstrap gen-headers gen-reference abi-lock
.PHONY: check-gen-golden check-gen-refusals check-gen-bootstrap check-gen-headers check-gen-reference check-abi-lock

# Memory lives as long as the generator runs, which is meant.
check-gen-golden check-gen-refusals: export ASAN_OPTIONS := detect_leaks=0

CHECK_SHARED += $(CAPNPC_SAN)
check-gen-golden: $(CAPNPC_SAN)
	@rm -rf $(GOLDEN) && mkdir -p $(GOLDEN)
	@capnp compile -o$(CURDIR)/$(CAPNPC_SAN):$(GOLDEN) $(GOLDEN_SCHEMA)
	@capnp compile -o- $(GOLDEN_SCHEMA) | $(CAPNPC_SAN) --dump >$(GOLDEN)/ir.txt
	@$(CAPNPC_DIR)/check-same $(CAPNPC_DIR)/golden/expect $(GOLDEN) .golden

check-gen-refusals: $(CAPNPC_SAN)
	@$(CAPNPC_DIR)/check-refusals $(CURDIR)/$(CAPNPC_SAN)

check-gen-bootstrap:
	@$(CAPNPC_DIR)/check-bootstrap

check-gen-headers: $(GEN_HEADERS)
	@$(CAPNPC_DIR)/check-headers $(GEN) $(CAPNP_SRC) $(GEN_TYPES_SRC) $(GEN_SERVER_SRC) $(GEN_CLIENT_SRC) \
	    $(GEN_INTERFACES_SRC)

LINTS += check-gen-headers

check-gen-reference: $(GEN_REFERENCE)
	@$(CAPNPC_DIR)/check-same docs/reference $(GEN)/reference

check-abi-lock: $(GEN)/abi.lock
	@$(CAPNPC_DIR)/check-same schema/abi.lock $(GEN)/abi.lock
