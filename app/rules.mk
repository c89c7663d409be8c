# The small programs share app/app.h. The shell's language is tested and fuzzed on the build machine.
$(B)/programs/obj/app/%.o: PROGRAM_CFLAGS += -iquote app
# lib/base is in libcapos, its headers are not in the sysroot.
$(B)/programs/obj/app/sha256sum/%.o: PROGRAM_CFLAGS += -iquote lib -Ilib

SHELL_LANGUAGE := $(addprefix app/shell/,scan.c parse.c parse_line.c problem.c names.c suggest.c eval.c commands.c \
                  help.c programs.c)
SHELL_TEST_SRC := $(SHELL_LANGUAGE) lib/capnp/build.c lib/capnp/show.c lib/capnp/schema.c $(GEN_REFLECTION_SRC) \
                  lib/capos/format.c $(foreach n,fs system timer,$(GEN)/$(n)_types.c) $(CAPNP_SRC)
# (Expanded when used: lib comes behind app.)
SHELL_TEST_CFLAGS := -Iapp/shell $$(LIBCAPOS_TEST_CFLAGS)
$(eval $(call unit_test,shell,app/shell/shell_test.c $(SHELL_TEST_SRC),$(SHELL_TEST_CFLAGS)))
$(eval $(call fuzz_target,shell,app/shell/shell_fuzz.c $(SHELL_TEST_SRC),$(SHELL_TEST_CFLAGS),app/shell/corpus,60000))
$(eval $(call unit_test,calendar,app/calendar_test.c,-Iapp))
