# build/capos, the host program behind ./capos, and its tests.

CAPOS_DIR := tool/capos
CAPOS_SRC := $(filter-out %_test.c,$(wildcard $(CAPOS_DIR)/*.c))
# What of it the tests link: everything but main.
CAPOS_LIB_SRC := $(filter-out $(CAPOS_DIR)/main.c,$(CAPOS_SRC))
CAPOS_INC := -Iabi -I$(B)/gen -Ilib/capnp -I$(CAPOS_DIR)
# The generated codecs that the packages are built with, and the tables of interface names.
CAPOS_GEN_SRC := $(GEN_TYPES_SRC) $(GEN_INTERFACES_SRC) $(CAPNP_SRC)

# OBJECTS FROM: sources under FROM become objects under build/host.
capos_objects = $(patsubst %.c,$(B)/host/%.o,$(patsubst $(B)/%,%,$(1)))

$(B)/host/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(DEPS) $(CAPOS_INC) -c $< -o $@
$(B)/host/%.o: $(B)/%.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(DEPS) $(CAPOS_INC) -c $< -o $@

$(B)/capos: $(call capos_objects,$(CAPOS_SRC) $(CAPOS_GEN_SRC))
	$(Q)$(HOST_CC) $^ -o $@
-include $(patsubst %.o,%.d,$(call capos_objects,$(CAPOS_SRC) $(CAPOS_GEN_SRC)))

ALL += $(B)/capos

# Unit tests. Each names the files it is about.
capos_src = $(patsubst %,$(CAPOS_DIR)/%.c,$(1))
$(eval $(call unit_test,capos-expect,$(call capos_src,expect_test expect number buffer sentence),-I$(CAPOS_DIR)))
$(eval $(call unit_test,capos-options,$(call capos_src,options_test options number grants dirs qemu buffer sentence) \
    $(GEN_INTERFACES_SRC),$(CAPOS_INC)))
$(eval $(call unit_test,capos-json,$(call capos_src,json_manifest_test json_manifest buffer sentence),-I$(CAPOS_DIR)))
$(eval $(call unit_test,capos-elf,$(call capos_src,elf_file_test elf_file sentence),-I$(CAPOS_DIR)))
$(eval $(call unit_test,capos-log,$(call capos_src,kernel_log_test kernel_log crash_lines host buffer),-I$(CAPOS_DIR)))
$(eval $(call unit_test,capos-package,$(call capos_src,package_test package package_dirs package_terminal package_tracer dirs elf_file grants buffer sentence) \
    $(GEN_INTERFACES_SRC) $(GEN_TYPES_SRC) $(CAPNP_SRC),$(CAPOS_INC)))
$(eval $(call unit_test,capos-snapshot,$(call capos_src,snapshot_test snapshot host buffer sentence) \
    $(addprefix $(GEN)/,filetree_types.c fs_types.c) $(CAPNP_SRC),$(CAPOS_INC)))

# The program and the script as a person meets them.
CHECKS += front-door
.PHONY: check-front-door
check-front-door: all
	@tool/capos/front_door_test.sh

# The second compiler.
LINTS += lint-tool-gcc
.PHONY: lint-tool-gcc
lint-tool-gcc: $(GENERATED)
	@for source in $(CAPOS_SRC); do $(GCC) $(HOST_CFLAGS) $(CAPOS_INC) -c $$source -o /dev/null || exit 1; done

# The same with the real kernel.
CHECKS += run
.PHONY: check-run
check-run: all
	@tool/capos/run_test.sh
