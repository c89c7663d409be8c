# The targets a person types. Each help line is the comment behind `##`.

# What is built can be built again: whoever copies folders may leave this one out (bford.info/cachedir).
ALL += $(B)/CACHEDIR.TAG
$(B)/CACHEDIR.TAG:
	@mkdir -p $(@D)
	@echo "Signature: 8a477f597d28d172789f06886806bc55" >$@

.PHONY: all check lint fmt fmt-check bench help clean

all: $(ALL) ## build everything

# Files that more than one suite uses are built before any runs, since suites run side by side.
.PHONY: check-shared
check-shared: all $(CHECK_SHARED)

.PHONY: list-checks
list-checks:
	@printf '%s\n' $(CHECKS)

check: ## run all tests; ends with "N passed, N failed"
	@tool/check $(CHECKS)

LINTS += lint-headers lint-layers lint-status
.PHONY: lint-headers lint-layers lint-status check-lint check-formatting
lint-headers: $(GENERATED) $(LIBCAPOS)
	@tool/lint-headers
lint-layers: $(GENERATED)
	@tool/check-deps
lint-status:
	@tool/lint-status $(CHECKS)

lint: $(LINTS) ## static checks: header self-containment, layering, both compilers

# The same as suites of `make check`.
CHECKS += lint formatting
check-lint:
	@failed=0; for lint in $(LINTS); do \
	    if $(MAKE) -s $$lint; then echo "ok $$lint"; else echo "not ok $$lint - make $$lint shows why"; failed=1; fi; \
	done; exit $$failed
check-formatting:
	@if $(MAKE) -s fmt-check; then echo "ok formatting"; else echo "not ok formatting - make fmt mends it"; exit 1; fi

OUR_SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')

fmt: ## format the tree with clang-format
	clang-format -i $(OUR_SOURCES)

fmt-check: ## fail if the formatting differs
	@clang-format --dry-run -Werror $(OUR_SOURCES) && echo "fmt-check: clean"

bench: $(BENCHES) ## measure; prints a table and writes build/bench.tsv

clean: ## remove the build directory
	rm -rf $(B)

# Targets with a demo's name in them (demo/rules.mk); here for the list only.
run-NAME: ## boot the demo NAME, output on the terminal
test-NAME: ## boot the demo NAME on every machine and compare with its transcript
gdb-NAME: ## boot the demo NAME under gdb
run-NAME test-NAME gdb-NAME:
	@echo "put a demo's name in place of NAME: $(DEMOS)"; exit 2

.PHONY: run
run: $(B)/capos $(ALL) ## boot capOS
	@$(B)/capos run

help: ## this list
	@grep -hE '^[a-zA-Z_%-]+:.*## ' $(MAKEFILE_LIST) | sort -u | sed -E 's/:.*## /\t/' | expand -t 16
