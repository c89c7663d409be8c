# The default system, which `./capos run` without a program boots. It is complete once the terminal server is in the tree.
#
#   make run-shell    boots it on this terminal
ifneq ($(wildcard server/terminal/main.c),)
SHELL_PACKAGE := $(B)/system/shell.package
$(SHELL_PACKAGE): system/shell.capnp system/parts.capnp $(SCHEMA) \
    $(addprefix $(B)/programs/,$(shell sed -nE 's,.*embed *"/([^"]*)".*,\1,p' system/parts.capnp))
	@mkdir -p $(@D)
	$(Q)capnp eval -I. -I$(B)/programs -obinary $< manifest >$@
ALL += $(SHELL_PACKAGE)

.PHONY: run-shell
run-shell: $(SHELL_PACKAGE) $(B)/capos $(B)/kernel/capos.elf ## boot the default system: a shell
	@$(B)/capos run
endif
