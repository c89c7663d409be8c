# The WebAssembly engine: build/libwasm.a for the host, its tests, and the targets that fuzz it.

WASM_SOURCES := $(addprefix lib/wasm/,reader.c opcode.c module.c decode.c validate.c validate_code.c link.c call.c \
                memory.c table.c exec.c simd.c)
WASM_OBJECTS := $(WASM_SOURCES:%.c=$(B)/%.o)

# Freestanding, bit-exact floating point, and vectors as far as SSE2 goes: the same for every target.
WASM_CFLAGS  := -ffreestanding -ffp-contract=off -fno-math-errno
ALL += $(B)/libwasm.a

$(B)/lib/wasm/%.o: lib/wasm/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(WASM_CFLAGS) $(DEPS) -c $< -o $@

$(B)/libwasm.a: $(WASM_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

-include $(WASM_OBJECTS:.o=.d)

# ---- the specification's own tests --------------------------------------------------------------------------

WASM_SPEC ?= ../shared/wasm-spec
CHECKS += wasm-spec
.PHONY: check-wasm-spec
check-wasm-spec: $(B)/capos-wasm
	@lib/wasm/spec-check $(B)/capos-wasm $(WASM_SPEC) $(B)/wasm-spec
