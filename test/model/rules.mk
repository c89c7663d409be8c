# Models checked with spin: every interleaving of a protocol, in the small.
#   park.pml  a mutex and a condition over PARK and UNPARK; with WAKE_FIRST it must fail: that is what the order in
#             park_space.c is for, and shows that the model can fail.

CHECKS += model-park
.PHONY: check-model-park
check-model-park: test/model/park.pml test/model/check
	@test/model/check $(B)/model park $<

# Real kernel code against deliberately naive models, with random operations. MODEL_STEPS, MODEL_SEED: another run.

$(eval $(call unit_test,model-caps,test/model/caps_model_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
