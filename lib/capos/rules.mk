# libcapos: the sysroot that tool/capos-cc compiles against, and the programs that are compiled with it.
#
#   build/sysroot/include   abi, lib/capos/include, the generated headers, lib/capnp's
#   build/sysroot/lib       libcapos.a
#   build/programs/NAME.elf every demo/NAME, server/NAME and app/NAME that has a main.c and no rules.mk of its own;
#                           NAME.debug.elf is the same with debug information, for gdb
#
# Variables for others: LIBCAPOS (prerequisite of whoever runs capos-cc), PROGRAMS, and the macro
# user_program: $(eval $(call user_program,NAME,SOURCES,CFLAGS,LDFLAGS)).

SYSROOT  := $(B)/sysroot
LIBCAPOS := $(SYSROOT)/lib/libcapos.a
CAPOS_CC := tool/capos-cc

# The library's own objects: freestanding, so that a loop in memcpy stays a loop; everything position-independent.
LIBCAPOS_CFLAGS := $(STD) -O2 -g --target=x86_64-linux-gnu -U__linux__ -U__unix__ -ffreestanding -nostdlibinc -fPIE \
                   -ftls-model=local-exec -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-stack-protector -fcf-protection=none \
                   -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(WARN) -DCAPNP_INLINE_SHAPES \
                   -Ilib/capos/include -Iabi -I$(B)/gen -Ilib -Ilib/capnp
LIBCAPOS_SRC := $(filter-out %_test.c,$(wildcard lib/capos/*.c lib/base/*.c)) lib/capos/crt0.S \
                lib/capnp/schema.c lib/capnp/show.c lib/capnp/build.c $(GEN_REFLECTION_SRC) \
                $(CAPNP_SRC) $(GEN_TYPES_SRC) $(GEN_CLIENT_SRC) $(GEN_SERVER_SRC) $(GEN_INTERFACES_SRC)
LIBCAPOS_OBJ := $(patsubst %,$(B)/libcapos/%.o,$(basename $(LIBCAPOS_SRC)))

$(B)/libcapos/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(LIBCAPOS_CFLAGS) $(DEPS) -c $< -o $@

$(B)/libcapos/%.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CLANG) --target=x86_64-linux-gnu $(DEPS) -c $< -o $@

SYSROOT_HEADERS := $(wildcard abi/capos/*.h lib/capos/include/capos/*.h lib/capos/include-c/*.h) $(addprefix lib/capnp/,capnp.h call.h schema.h show.h build.h)
SYSROOT_STAMP   := $(SYSROOT)/.headers

# In the sysroot lib/capnp's headers are <capnp/...>; the generated headers name them without the folder.
$(SYSROOT_STAMP): $(SYSROOT_HEADERS) lib/capos/lookup.awk | $(GENERATED)
$(SYSROOT_STAMP): $(GENERATED)
	$(Q)rm -rf $(SYSROOT)/include && mkdir -p $(SYSROOT)/include/capos $(SYSROOT)/include/capnp
	$(Q)cp $(filter %.h,$(wildcard abi/capos/*.h lib/capos/include/capos/*.h)) $(SYSROOT)/include/capos/
	$(Q)cp $(wildcard lib/capos/include-c/*.h) $(SYSROOT)/include/
	$(Q)cp $(filter lib/capnp/%,$(SYSROOT_HEADERS)) $(SYSROOT)/include/capnp/
	$(Q)cp $(B)/gen/interfaces.h $(SYSROOT)/include/capos/interfaces.h
	$(Q)for h in $(B)/gen/capos/*.h; do sed -E 's!#include ["<](capnp|call)\.h[">]!#include <capnp/\1.h>!' $$h >$(SYSROOT)/include/capos/$${h##*/}; done
	$(Q)awk -f lib/capos/lookup.awk $(B)/gen/capos/*.h >$(SYSROOT)/include/capos/lookup.h
	@touch $@

$(LIBCAPOS): $(LIBCAPOS_OBJ) $(SYSROOT_STAMP)
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(LIBCAPOS_OBJ)

-include $(LIBCAPOS_OBJ:.o=.d)

.PHONY: libcapos
libcapos: $(LIBCAPOS) ## the C library for capOS programs, in build/sysroot
ALL += $(LIBCAPOS)

# ---- Programs. -----------------------------------------------------------------------------------------------------

OBJCOPY := $(firstword $(shell command -v llvm-objcopy llvm-objcopy-14 llvm-objcopy-15 llvm-objcopy-16 objcopy))
PROGRAM_CFLAGS := $(STD) -O2 -g $(WARN)
PROGRAMS :=

define user_program
PROGRAMS += $(B)/programs/$(1).elf
$(1)_OBJ := $$(patsubst %.c,$(B)/programs/obj/%.o,$(2))
$$($(1)_OBJ): $(B)/programs/obj/%.o: %.c $(SYSROOT_STAMP) $(CAPOS_CC) | $(LIBCAPOS)
	@mkdir -p $$(@D)
	$(Q)$(CAPOS_CC) $$(PROGRAM_CFLAGS) $(3) $$(DEPS) -c $$< -o $$@
$(B)/programs/$(1).debug.elf: $$($(1)_OBJ) $(LIBCAPOS)
	@mkdir -p $$(@D)
	$(Q)$(CAPOS_CC) $(3) $$($(1)_OBJ) $(4) -o $$@
$(B)/programs/$(1).elf: $(B)/programs/$(1).debug.elf
	$(Q)$(OBJCOPY) --strip-debug $$< $$@
-include $$($(1)_OBJ:.o=.d)
endef

PROGRAM_DIRS := $(patsubst %/main.c,%,$(wildcard demo/*/main.c server/*/main.c app/*/main.c))
PROGRAM_DIRS := $(filter-out $(patsubst %/rules.mk,%,$(wildcard demo/*/rules.mk app/*/rules.mk)),$(PROGRAM_DIRS))
$(foreach d,$(PROGRAM_DIRS),$(eval $(call user_program,$(notdir $(d)),$(filter-out %_test.c %_fuzz.c,$(wildcard $(d)/*.c)),$(if $(filter demo/%,$(d)),-Idemo),)))
ALL += $(PROGRAMS)

.PHONY: c-hello
c-hello: $(B)/programs/c-hello.elf ## the smallest program, built

# ---- Host unit tests. ----------------------------------------------------------------------------------------------

LIBCAPOS_TEST_CFLAGS := -Ilib/capos/include -Ilib/capos -Iabi -I$(B)/gen -Ilib -Ilib/capnp
$(eval $(call unit_test,capos-heap,lib/capos/heap_test.c lib/capos/heap.c lib/capos/heap_pages.c lib/base/rbtree.c,$(LIBCAPOS_TEST_CFLAGS)))
$(eval $(call unit_test,capos-ring,lib/capos/ring_test.c lib/capos/ring.c lib/capos/exception.c lib/capos/errors.c $(B)/gen/exception_types.c $(CAPNP_SRC),$(LIBCAPOS_TEST_CFLAGS) -DCAPOS_HOST_TEST))
$(eval $(call unit_test,capos-print,lib/capos/print_test.c lib/capos/print.c lib/capos/format.c,$(LIBCAPOS_TEST_CFLAGS)))

CHECKS += capos-headers capos-cc
.PHONY: check-capos-headers check-capos-cc
check-capos-headers: $(LIBCAPOS)
	@lib/capos/sysroot_test.sh headers
check-capos-cc: $(LIBCAPOS)
	@lib/capos/sysroot_test.sh cc

# The other compiler's opinion of the library, init and the demos.
LINTS += lint-user-gcc
.PHONY: lint-user-gcc
GCC_USER_SRC := $(filter-out %_test.c %_fuzz.c,$(wildcard lib/capos/*.c server/*/*.c demo/*/*.c))
lint-user-gcc: $(LIBCAPOS)
	$(Q)for f in $(GCC_USER_SRC); do $(GCC) $(STD) -O2 -fsyntax-only -ffreestanding -fPIE $(WARN) -Wno-unused-function \
	    -Ilib/capos/include -Iabi -I$(B)/gen -Ilib -Ilib/capnp -Idemo -I$(SYSROOT)/include $$f || exit 1; done
	@echo "lint-user-gcc: clean"
