# build/capos, the host program behind ./capos, and its tests.

CAPOS_DIR := tool/capos
CAPOS_SRC := $(filter-out %_test.c,$(wildcard $(CAPOS_DIR)/*.c))
# What of it the tests link: everything but main.
CAPOS_LIB_SRC := $(filter-out $(CAPOS_DIR)/main.c,$(CAPOS_SRC))
CAPOS_INC := -Iabi -I$(B)/gen -Ilib/capnp -I$(CAPOS_DIR)
# The generated codecs that the packages are built with, and the tables of interface names.
CAPOS_GEN_SRC = $(GEN_TYPES_SRC) $(B)/gen/interfaces.c $(CAPNP_SRC)
CAPOS_OBJ = $(patsubst %.c,$(B)/host/%.o,$(CAPOS_SRC) $(sort $(CAPOS_GEN_SRC)))

$(B)/host/%.o: %.c | $$(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(DEPS) $(CAPOS_INC) -c $< -o $@

.SECONDEXPANSION:
$(B)/capos: $$(CAPOS_OBJ)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $^ -o $@
-include $(wildcard $(B)/host/$(CAPOS_DIR)/*.d)

ALL += $(B)/capos
