# Fuzz targets: libFuzzer with ASan and UBSan over a corpus in the tree.
#
#   $(eval $(call fuzz_target,NAME,SOURCES,CFLAGS,CORPUS,RUNS))
#
# builds build/fuzz/NAME; the suite fuzz-NAME replays CORPUS and makes RUNS executions from a fixed seed;
# `make fuzz-NAME` goes on until it is stopped (FUZZ_SECONDS=N to bound it) and adds what it finds to build/fuzz/NAME.corpus.

FUZZ_CFLAGS := $(STD) -O1 -g -D_GNU_SOURCE -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
               -fno-sanitize-recover=all $(WARN)
FUZZ_SECONDS ?= 0

define fuzz_target
CHECKS += fuzz-$(1)
$(B)/fuzz/$(1): $(2) | $$(GENERATED)
	@mkdir -p $$(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MM -MP -MT $$@ $(3) $(2) >$$@.d
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(3) $(2) -o $$@
.PHONY: check-fuzz-$(1) fuzz-$(1)
check-fuzz-$(1): $(B)/fuzz/$(1)
	@rm -rf $(B)/fuzz/$(1).found && mkdir -p $(B)/fuzz/$(1).found
	@$$< -seed=1 -runs=$(5) -print_final_stats=1 $(B)/fuzz/$(1).found $(4) >$(B)/fuzz/$(1).log 2>&1 && echo "ok fuzz-$(1): $(5) executions" || \
	    { tail -30 $(B)/fuzz/$(1).log; echo "not ok fuzz-$(1)"; exit 1; }
fuzz-$(1): $(B)/fuzz/$(1)
	@mkdir -p $(B)/fuzz/$(1).corpus
	$$< -max_total_time=$(FUZZ_SECONDS) $(B)/fuzz/$(1).corpus $(4)
-include $(B)/fuzz/$(1).d
endef
