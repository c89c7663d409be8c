# init's validation on the build machine: unit tests, and a fuzz target that also runs for a few seconds in each check.

PLAN_TEST_SRC := server/init/plan.c lib/capos/format.c \
                 $(foreach n,manifest process memory log exception,$(B)/gen/$(n)_types.c) $(CAPNP_SRC)
$(eval $(call unit_test,init-plan,server/init/plan_test.c $(PLAN_TEST_SRC),$(LIBCAPOS_TEST_CFLAGS) -Iserver/init))

# mk/fuzz.mk has FUZZ_SECONDS 0 for "until stopped", which no suite may take.
PLAN_FUZZ_SECONDS := $(or $(filter-out 0,$(FUZZ_SECONDS)),8)
$(B)/fuzz/manifest: server/init/plan_fuzz.c server/init/plan.h $(PLAN_TEST_SRC) | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(STD) -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(WARN) \
		$(LIBCAPOS_TEST_CFLAGS) server/init/plan_fuzz.c $(PLAN_TEST_SRC) -o $@

.PHONY: check-fuzz-manifest fuzz-manifest
CHECKS += fuzz-manifest
check-fuzz-manifest: $(B)/fuzz/manifest
	@mkdir -p $(B)/fuzz/manifest-corpus
	@if $(B)/fuzz/manifest -max_total_time=$(PLAN_FUZZ_SECONDS) -max_len=4096 -timeout=5 -artifact_prefix=$(B)/fuzz/ \
		$(B)/fuzz/manifest-corpus server/init/corpus >$(B)/fuzz/manifest.log 2>&1; \
	then echo "ok fuzz-manifest"; \
	else tail -30 $(B)/fuzz/manifest.log; echo "not ok fuzz-manifest - see $(B)/fuzz/manifest.log"; exit 1; fi
fuzz-manifest: ## fuzz init's manifest validation for FUZZ_SECONDS
	@$(MAKE) check-fuzz-manifest
