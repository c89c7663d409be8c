# Models checked with spin: every interleaving of a protocol, in the small. What is explored, and which deliberate
# mistakes must be found out (that shows that the model can fail), stands in the head of each.
#   park.pml      a mutex and a condition over PARK and UNPARK
#   ring.pml      submissions, completions, waiting for them; hostile indexes
#   threads.pml   blocking, waking, handing over, moving and stopping threads on CPUs
#   transfer.pml  calls that move capabilities, endpoints and their holders that end, revocation

MODELS := park ring threads transfer
CHECKS += $(MODELS:%=model-%)
.PHONY: $(MODELS:%=check-model-%)
$(MODELS:%=check-model-%): check-model-%: test/model/%.pml test/model/check
	@test/model/check $(B)/model/$* $* $<

# Real kernel code against deliberately naive models, with random operations. MODEL_STEPS, MODEL_SEED: another run.

$(eval $(call unit_test,model-caps,test/model/caps_model_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
