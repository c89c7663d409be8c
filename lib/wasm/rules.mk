# The WebAssembly engine: build/libwasm.a for the host, its tests, and the targets that fuzz it.

WASM_SOURCES := $(addprefix lib/wasm/,reader.c opcode.c module.c decode.c validate.c validate_code.c link.c call.c \
                memory.c table.c exec.c simd.c)
WASM_OBJECTS := $(WASM_SOURCES:%.c=$(B)/%.o)

# Freestanding, bit-exact floating point, and vectors as far as SSE2 goes: the same for every target.
WASM_CFLAGS  := -ffreestanding -ffp-contract=off -fno-math-errno
# The interpreter's dispatch wants each handler to keep its own indirect jump.
WASM_EXEC_CC ?= $(GCC)
WASM_EXEC_CFLAGS := -fno-gcse -fno-crossjumping

ALL += $(B)/libwasm.a

$(B)/lib/wasm/%.o: lib/wasm/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(WASM_CFLAGS) $(DEPS) -c $< -o $@

$(B)/lib/wasm/exec.o: lib/wasm/exec.c
	@mkdir -p $(@D)
	$(Q)$(WASM_EXEC_CC) $(HOST_CFLAGS) $(WASM_CFLAGS) $(WASM_EXEC_CFLAGS) $(DEPS) -c $< -o $@

$(B)/libwasm.a: $(WASM_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

-include $(WASM_OBJECTS:.o=.d)
