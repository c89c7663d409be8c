# capos-wasm: the engine on the command line.

CAPOS_WASM_SOURCES := $(wildcard tool/capos-wasm/*.c)
CAPOS_WASM_OBJECTS := $(CAPOS_WASM_SOURCES:%.c=$(B)/%.o)

ALL += $(B)/capos-wasm

$(B)/tool/capos-wasm/%.o: tool/capos-wasm/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Ilib/wasm $(DEPS) -c $< -o $@

$(B)/capos-wasm: $(CAPOS_WASM_OBJECTS) $(B)/libwasm.a
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $^ -o $@

-include $(CAPOS_WASM_OBJECTS:.o=.d)
