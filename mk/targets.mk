# The targets a person types. Each help line is the comment behind `##`.

.PHONY: all check lint fmt fmt-check bench help clean

all: $(ALL) ## build everything

check: ## run all tests; ends with "N passed, N failed"
	@tool/check $(CHECKS)

lint: $(LINTS) ## static checks: header self-containment, layering, both compilers

OUR_SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')

fmt: ## format the tree with clang-format
	clang-format -i $(OUR_SOURCES)

fmt-check: ## fail if the formatting differs
	@clang-format --dry-run -Werror $(OUR_SOURCES) && echo "fmt-check: clean"

bench: $(BENCHES) ## measure; prints a table and writes build/bench.tsv

clean: ## remove the build directory
	rm -rf $(B)

help: ## this list
	@grep -hE '^[a-zA-Z_%-]+:.*## ' $(MAKEFILE_LIST) | sort -u | sed -E 's/:.*## /\t/' | expand -t 20
