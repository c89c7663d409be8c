# Real kernel code against deliberately naive models, with random operations. MODEL_STEPS, MODEL_SEED: another run.

$(eval $(call unit_test,model-caps,test/model/caps_model_test.c $(CORE_TEST_WORLD),$(CORE_TEST_CFLAGS)))
