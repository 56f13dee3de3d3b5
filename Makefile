# make            build/quern, build/static   make run       a private instance to try (PORT=8443 LLM=scripted)
# make check      everything that must pass   make check-X   the unit tests of module X
# make fuzz       FUZZ_SECONDS=60 each        make lint      clang-tidy, cppcheck, layers, lengths
# make deps       installs what is missing    make bench     BENCH="..." selects
BUILD ?= build
MODE ?= release
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

SRC := $(sort $(shell find app -name '*.c'))
HDR := $(sort $(shell find app -name '*.h'))
TEST := $(sort $(shell find tests/unit -name '*.c' 2>/dev/null))
BENCH_TOOLS := $(patsubst tests/bench/%.c,$(BUILD)/bench-%,$(wildcard tests/bench/*.c))
FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))
OBJ := $(SRC:%.c=$(BUILD)/%.o)
APP := $(filter-out $(BUILD)/app/main.o,$(OBJ))
HELP := $(filter tests/unit/support/%,$(TEST))
MODULES := $(filter-out main.c support,$(sort $(foreach f,$(TEST),$(word 3,$(subst /, ,$(f))))))

PKGS = libpq libcurl json-c libsodium md4c xlsxwriter
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
LIBS = $(eval LIBS := $(shell pkg-config --libs $(PKGS)) -lpg_query -lm)$(LIBS)

WARN = -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wshadow
ifneq ($(CI)$(WERROR),)
WARN += -Werror
endif
FLAGS_release = -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE \
	-fstack-clash-protection -fcf-protection
LINK_release = -pie -Wl,-z,relro,-z,now
FLAGS_asan = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DARENA_DEBUG
LINK_asan = -fsanitize=address,undefined
FLAGS_tsan = -O1 -g -fsanitize=thread -fPIE
LINK_tsan = -fsanitize=thread -pie
FLAGS_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DARENA_DEBUG
LINK_fuzz = -fsanitize=fuzzer,address,undefined

ifeq ($(V),)
QUIET = @echo "  $(@:$(BUILD)/%=%)";
endif
COMPILE = $(QUIET)$(CC) -std=gnu17 -D_GNU_SOURCE -pthread -Iapp $(PKG_CFLAGS) $(WARN) $(FLAGS_$(MODE)) $(CFLAGS) -MMD -MP
LINK = $(QUIET)$(CC) -pthread $(LINK_$(MODE)) $(LDFLAGS)

all: $(BUILD)/quern static

$(BUILD)/quern: $(OBJ)
	$(LINK) -o $@ $(OBJ) $(LIBS)

$(BUILD)/app/%.o: app/%.c
	@mkdir -p $(@D)
	$(COMPILE) -include lib/banned.h -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(COMPILE) -Itests/unit -c -o $@ $<

objects: $(OBJ)

# The unit tests: all in one program, and a program for each module that links only what the module may use.
$(BUILD)/unit: $(TEST:%.c=$(BUILD)/%.o) $(APP)
	$(LINK) -o $@ $^ $(LIBS) -lcmocka

check-unit: $(BUILD)/unit $(BUILD)/scripted-provider
	$(BUILD)/unit

# What tests share; as an archive, so that a program takes only what it needs.
$(BUILD)/support.a: $(HELP:%.c=$(BUILD)/%.o)
	@rm -f $@
	$(QUIET)ar rcs $@ $^

below = $(shell awk -v of=$(1) -f tests/lint/below.awk app/layers.txt)
define module_unit
$(BUILD)/unit-$(1): $(filter $(BUILD)/tests/unit/main.o $(BUILD)/tests/unit/$(1)/%,$(TEST:%.c=$(BUILD)/%.o)) \
		$(BUILD)/support.a $(filter $(addprefix $(BUILD)/app/,$(addsuffix /%,$(call below,$(1)))),$(APP))
	$$(LINK) -o $$@ $$^ $$(LIBS) -lcmocka

check-$(1): $(BUILD)/unit-$(1) $(BUILD)/scripted-provider
	$(BUILD)/unit-$(1)
endef
$(foreach m,$(MODULES),$(eval $(call module_unit,$(m))))

# The model provider that answers from scripts, for trying and testing without a key.
scripted-provider: $(BUILD)/scripted-provider

$(BUILD)/scripted-provider: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/provider/*.c)) \
		$(filter $(BUILD)/app/lib/%,$(APP))
	$(LINK) -o $@ $^ $(LIBS)

# What nginx serves: the files of static/ without blanks and comments, and the SQL editor, the charts and what runs in the frame
# of an artifact bundled from npm's packages.
static: $(patsubst %,$(BUILD)/%,$(wildcard static/*.css static/*.js static/*.svg)) $(BUILD)/static/editor.js $(BUILD)/static/plotly.js \
	$(BUILD)/static/sandbox.js $(BUILD)/static/alone.js $(BUILD)/static/libs.json

$(BUILD)/static/%.svg: static/%.svg
	@mkdir -p $(@D)
	@ln -sfn $(CURDIR)/$< $@

$(BUILD)/static/%: static/% static/node_modules/.package-lock.json
	@mkdir -p $(@D) && rm -f $@
	$(QUIET)static/node_modules/.bin/esbuild $< --minify --target=es2022 --log-level=warning --outfile=$@

$(BUILD)/static/editor.js: static/editor/editor.js static/node_modules/.package-lock.json
	@mkdir -p $(@D)
	$(QUIET)static/node_modules/.bin/esbuild $< --bundle --minify --format=esm --target=es2022 --log-level=warning \
		--banner:js='/* CodeMirror 6, MIT licence, (C) Marijn Haverbeke and others */' --outfile=$@

$(BUILD)/static/plotly.js: static/plotly/plotly.js static/plotly/sheets.js static/node_modules/.package-lock.json
	@mkdir -p $(@D)
	$(QUIET)static/node_modules/.bin/esbuild $< --bundle --minify --format=esm --target=es2022 --log-level=warning \
		--outfile=$@

# The libraries of artifacts, a file each: static/libs/libs.json says of which package. The version is in the name.
# What needs React takes the one that is there.
REACT_ONCE = --alias:react=./static/libs/shim/react.js --alias:react-dom=./static/libs/shim/react-dom.js \
	--alias:react/jsx-runtime=./static/libs/shim/jsx-runtime.js
package_version = $(shell sed -n 's|.*"$(1)": "\([0-9.]*\)".*|\1|p' static/package.json)
define library
static: $(BUILD)/static/libs/$(1)-$(2).js

$(BUILD)/static/libs/$(1)-$(2).js: static/libs/$(1).js $(wildcard static/libs/shim/*.js) static/node_modules/.package-lock.json
	@mkdir -p $$(@D)
	$$(QUIET)static/node_modules/.bin/esbuild $$< --bundle --minify --format=iife --target=es2022 --log-level=warning \
		'--define:process.env.NODE_ENV="production"' $(if $(filter react,$(1)),,$$(REACT_ONCE)) --outfile=$$@
endef
$(foreach l,$(shell sed -n 's|.*"name": "\([^"]*\)", "of": "\([^"]*\)".*|\1=\2|p' static/libs/libs.json),\
	$(eval $(call library,$(word 1,$(subst =, ,$(l))),$(call package_version,$(word 2,$(subst =, ,$(l)))))))

$(BUILD)/static/sandbox.js: static/sandbox/main.js $(wildcard static/sandbox/*.js) static/libs/libs.json static/package.json \
		static/node_modules/.package-lock.json
	@mkdir -p $(@D)
	$(QUIET)static/node_modules/.bin/esbuild $< --bundle --minify --format=iife --target=es2022 --log-level=warning --outfile=$@

# The page of an artifact that is one file, and the table of the libraries with the names of their files for who puts them into it.
$(BUILD)/static/alone.js: static/alone/alone.js static/frame.js static/node_modules/.package-lock.json
	@mkdir -p $(@D)
	$(QUIET)static/node_modules/.bin/esbuild $< --bundle --minify --format=esm --target=es2022 --log-level=warning --outfile=$@

$(BUILD)/static/libs.json: static/libs/libs.json static/package.json
	@mkdir -p $(@D)
	$(QUIET)node -e 'const {dependencies} = require("./static/package.json"); console.log(JSON.stringify(require("./static/libs/libs.json").map((lib) => ({...lib, file: `$${lib.name}-$${dependencies[lib.of]}.js`}))))' >$@

static/node_modules/.package-lock.json: static/package-lock.json
	cd static && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

run: deps-run
	$(MAKE) all $(if $(filter scripted,$(LLM)),$(BUILD)/scripted-provider)
	$(BUILD)/quern dev $(if $(PORT),--port $(PORT)) $(if $(LLM),--llm $(LLM)) $(ARGS)

check: deps
	BUILD=$(BUILD) tests/check

headers: $(HDR:%=$(BUILD)/%.ok)

$(BUILD)/%.h.ok: %.h
	@mkdir -p $(@D)
	$(COMPILE) -Wno-unused-function -fsyntax-only -x c -MT $@ -MF $@.d $<
	@touch $@

layers:
	@awk -f tests/lint/layers.awk app/layers.txt $(SRC) $(HDR)

lengths:
	@awk -f tests/lint/lengths.awk tests/lint/lengths.txt $(SRC) $(HDR)

lint: deps-lint layers lengths headers
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -Iapp --library=posix,gnu \
		--enable=warning,portability --suppressions-list=tests/lint/cppcheck.txt app
	$(MAKE) tidy

# clang-tidy, for each object that is new since it last ran.
tidy: $(SRC:%.c=$(BUILD)/%.tidy)

$(BUILD)/%.tidy: $(BUILD)/%.o .clang-tidy
	$(QUIET)clang-tidy --quiet $*.c -- -std=gnu17 -D_GNU_SOURCE -Iapp $(PKG_CFLAGS) -include lib/banned.h 2>/dev/null
	@touch $@

fmt: deps-lint
	clang-format -i $(SRC) $(HDR) $(shell find tests -name '*.[ch]' -not -path '*/node_modules/*')

# Each fuzzer runs over tests/fuzz/corpus/NAME and keeps what it finds in $(BUILD)/corpus/NAME.
fuzz:
	$(MAKE) BUILD=$(BUILD)/fuzz MODE=fuzz CC=clang fuzz-run

fuzz-run: $(FUZZ:tests/fuzz/fuzz_%.c=fuzz-run-%)

$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(APP)
	$(LINK) -o $@ $^ $(LIBS)

fuzz-run-%: $(BUILD)/fuzz_%
	@mkdir -p $(BUILD)/corpus/$*
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(BUILD)/crash-$*- \
		$(BUILD)/corpus/$* $(wildcard tests/fuzz/corpus/$*)

# Measures; the figures go to $(BUILD)/bench.json.
bench: deps deps-bench
	$(MAKE) $(BUILD)/quern $(BUILD)/scripted-provider $(BUILD)/unit-llm $(BENCH_TOOLS)
	BUILD=$(BUILD) node tests/bench/run.js $(BENCH)

$(BUILD)/bench-%: $(BUILD)/tests/bench/%.o $(APP)
	$(LINK) -o $@ $^ $(LIBS) -lssl -lcrypto

install: $(BUILD)/quern static
	install -D -m 755 $(BUILD)/quern $(DESTDIR)$(PREFIX)/bin/quern
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/quern/static $(BUILD)/static/*.*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/quern/static/libs $(BUILD)/static/libs/*
	for d in templates sql nginx examples; do find $$d -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/quern/{} \; ; done

DEPS_RUN = build-essential pkg-config libpq-dev libcurl4-openssl-dev libjson-c-dev libpg-query-dev \
	libsodium-dev libmd4c-dev libprotobuf-c-dev libxlsxwriter-dev zlib1g-dev nginx postgresql openssl nodejs npm \
	chromium bubblewrap fonts-dejavu-core
DEPS_CHECK = libcmocka-dev clang libclang-rt-14-dev
DEPS_BENCH = wrk libssl-dev
DEPS_LINT = clang-tidy clang-format cppcheck

deps: deps-run deps-check tests/node_modules/.package-lock.json
deps-run: ; @tests/deps $(DEPS_RUN)
deps-check: ; @tests/deps $(DEPS_CHECK)
deps-bench: ; @tests/deps $(DEPS_BENCH)
deps-lint: ; @tests/deps $(DEPS_RUN) $(DEPS_LINT)

tests/node_modules/.package-lock.json: tests/package-lock.json | deps-check
	cd tests && npm ci --no-audit --no-fund
	@touch $@

clean:
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(TEST:%.c=$(BUILD)/%.d) $(HDR:%=$(BUILD)/%.ok.d) $(wildcard $(BUILD)/tests/provider/*.d)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all static objects scripted-provider run check check-unit headers layers lengths lint tidy fmt fuzz fuzz-run bench install clean deps deps-run \
	deps-check deps-bench deps-lint $(MODULES:%=check-%)
