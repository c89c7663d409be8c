# Host unit tests: real code, cmocka, ASan and UBSan.
#
#   $(eval $(call unit_test,NAME,SOURCES,CFLAGS,LDFLAGS))
#
# builds build/unit/NAME from SOURCES (which include the _test.c), test/harness and CFLAGS, and registers the
# suite unit-NAME. test/harness/unit.h says how a test is written and how allocation failures are injected.
# The headers of all sources are listed first, by themselves: -MMD beside one compilation of many keeps the last's only.

UNIT_HARNESS := test/harness/unit.c

define unit_test
CHECKS += unit-$(1)
$(B)/unit/$(1): $(2) $(UNIT_HARNESS) test/harness/unit.h | $$(GENERATED)
	@mkdir -p $$(@D)
	$(Q)$(HOST_CC) $(SAN_CFLAGS) -MM -MP -MT $$@ -Itest/harness $(3) $(2) $(UNIT_HARNESS) >$$@.d
	$(Q)$(HOST_CC) $(SAN_CFLAGS) -Itest/harness $(3) $(2) $(UNIT_HARNESS) -o $$@ -lcmocka $(4)
.PHONY: check-unit-$(1)
check-unit-$(1): $(B)/unit/$(1)
	@$$<
-include $(B)/unit/$(1).d
endef

# Files made from the schema; tests and programs order themselves behind them.
GENERATED ?=
