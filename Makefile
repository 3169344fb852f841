# `make demo` and `make test` set up everything they need on a Debian-like machine, once;
# run again, they need no network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BOOT := $(BIN)/bootharness boot

# command : package that brings it, and what it is wanted for
NEEDED := qemu-system-x86_64:qemu-system-x86 nasm:nasm ld:binutils gdb:gdb $(PYTHON):python3 \
	/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
# network boots, GRUB, toolchains, and what the tests check us against
TESTED_WITH := /usr/share/doc/busybox-static:busybox-static cpio:cpio modprobe:kmod zstd:zstd lz4:lz4 zsh:zsh fish:fish qemu-img:qemu-utils git:git kconfig-conf:kconfig-frontends bwrap:bubblewrap sfdisk:fdisk dnsmasq:dnsmasq-base \
	kea-dhcp4:kea-dhcp4-server kea-dhcp6:kea-dhcp6-server nginx:nginx-light in.tftpd:tftpd-hpa tgtd:tgt \
	ssh:openssh-client sshd:openssh-server ser2net:ser2net mosquitto:mosquitto \
	ip:iproute2 mcopy:mtools mkfs.vfat:dosfstools syslinux:syslinux \
	tesseract:tesseract-ocr \
	grub-mkstandalone:grub-common chromium:chromium xorriso:xorriso \
	/usr/lib/ISOLINUX/isolinux.bin:isolinux /usr/lib/memtest86+/memtest86+x64.iso:memtest86+ \
	/usr/lib/ipxe/undionly.kpxe:ipxe /usr/lib/PXELINUX/pxelinux.0:pxelinux \
	/usr/lib/syslinux/modules/bios/ldlinux.c32:syslinux-common \
	/usr/lib/grub/i386-pc/boot.img:grub-pc-bin /usr/share/OVMF/OVMF_CODE_4M.fd:ovmf \
	/usr/lib/systemd/boot/efi/linuxx64.efi.stub:systemd-boot-efi openssl:openssl \
	/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi:grub-efi-amd64-bin \
	/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed:grub-efi-amd64-signed \
	/usr/lib/shim/shimx64.efi.signed:shim-signed sbsign:sbsigntool
APT := $(if $(filter 0,$(shell id -u)),,sudo) apt-get

.PHONY: setup tools demo test long matrices check faults faults-back faults-guilty faults-net faults-uefi restores trees appliance zoo zoo-uefi built-tree kill good fuzz docs readme bench bench-back bench-bisect bench-config bench-factors bench-many bench-net bench-shell bench-uefi hunts mutants mutants-rules clean

setup: $(VENV)/.packages $(VENV)/.installed
tools: setup $(VENV)/.tools

# Install the packages of which a command is not on PATH, or a file not there. PATH: sfdisk is in
# sbin, which is not on everybody's.
define install
	@missing=$(2); PATH=$$PATH:/usr/sbin:/sbin; \
	for each in $(1); do \
		command -v $${each%%:*} >/dev/null || [ -e $${each%%:*} ] || missing="$$missing $${each#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
		command -v apt-get >/dev/null || { echo "make: there is no apt-get here; install$$missing yourself"; exit 1; }; \
		echo "installing$$missing"; \
		$(APT) update -q && DEBIAN_FRONTEND=noninteractive $(APT) install -q -y --no-install-recommends $$missing \
		|| { echo "make: the packages$$missing could not be installed (root or sudo is needed)"; exit 1; }; \
	fi
endef

$(VENV)/.packages: Makefile
	$(call install,$(NEEDED),$$($(PYTHON) -c 'import ensurepip' 2>/dev/null || echo ' python3-venv'))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "make: $(PYTHON) is older than 3.11; say which one to use: make PYTHON=python3.11"; exit 1; }
	@mkdir -p $(VENV) && touch $@

$(VENV)/.tools: Makefile
	$(call install,$(TESTED_WITH))
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.packages
	@echo "installing bootharness into $(VENV)"
	@$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]' \
	|| { echo "make: bootharness could not be installed into $(VENV) (the first time needs the network)"; exit 1; }
	@$(BIN)/python -m compileall -q harness  # pip does it for all packages but for this one
	@touch $@

# Two kernels that Debian ships, and the kernel that started it all: too large for the loader of
# the example.
demo: setup
	$(BOOT) deb:linux-image-cloud-amd64/bookworm deb:linux-image-cloud-amd64/trixie
	@echo
	rm -rf $(VENV)/example && $(BIN)/bootharness example $(VENV)/example >/dev/null
	$(BOOT) grow:17000000:deb:linux-image-cloud-amd64/bookworm --loader $(VENV)/example/no-carry.asm; test $$? -eq 1

test: tools
	$(BIN)/python -m pytest -n 3 --dist loadgroup

# what `make test` leaves out for its time: before a release, and at night
long: tools
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m long --long

# the same, and the matrices of which `make test` runs a sample, whole
matrices: tools
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "sample or long" --all-rows

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# boot every fault that must be diagnosed, and print what was found; then every disk fault on every
# interface, RUNS times each: takes ten minutes for each time
RUNS ?= 1
faults: tools
	$(BIN)/python -m tests.support.faults
	RUNS=$(RUNS) $(BIN)/python -m tests.support.disk_matrix

# every change of one instruction of stage1 whose value is followed back, and whether its recording
# names that instruction: takes ten minutes; WORD names some of them, as WORD=edi, and WORD=--emulated
# walks through them in the emulator, in a minute
WORD ?=
faults-back: tools
	$(BIN)/python -m tests.support.back_matrix $(WORD)

# every fault of a loader, recorded, and whether the instruction is named that was put in; the same of
# loaders of other styles than stage1's: takes ten minutes; WORD names some of them
faults-guilty: tools
	$(BIN)/python -m tests.support.back_faults $(WORD)
	$(BIN)/python -m tests.support.back_loaders $(WORD)

# an appliance made of Debian's packages, booted to its login, and 25 small changes to it: takes half
# an hour
appliance: tools
	$(call install,mmdebstrap:mmdebstrap mkfs.ext4:e2fsprogs)
	$(BIN)/python -m tests.support.appliance $(VENV)/appliance $(CHANGE)

# boot loaders and bootable images that Debian packages, as the media that they are shipped as:
# downloads 245 MB, takes five minutes; ROW names one, as ROW="'iPXE CD'"
ROW ?=
zoo: tools
	$(call install,mkfs.ext4:e2fsprogs extlinux:extlinux grub-mkrescue:grub-common /lib/ld-linux.so.2:libc6-i386)
	$(BIN)/python -m tests.support.zoo $(VENV)/zoo $(ROW)

# the same of UEFI programs on a disk, good, with one thing wrong, and under Secure Boot: downloads 10 MB
zoo-uefi: tools
	$(BIN)/python -m tests.support.uefi_zoo $(VENV)/zoo $(ROW)

# kill harness and janitor together, TIMES times at moments that chance chooses: nothing is left
TIMES ?= 85
kill: tools
	$(BIN)/python -m tests.support.kills $(TIMES) 1
	$(BIN)/python -m tests.support.kills_back $(TIMES) 1

# kernels by every route, with many command lines, cards and disks, beside busy loops: BOOTS of them, or
# all, which takes two hours
BOOTS ?=
good: tools
	$(BIN)/python -m tests.support.good_boots $(BOOTS)

# every parser against bytes chosen by coverage, SECONDS for each: more than an hour in all
SECONDS ?= 80
fuzz: tools
	$(BIN)/python -m pip install -q --disable-pip-version-check atheris
	for target in $$($(BIN)/python -c 'from tests.support.fuzz import TARGETS; print(*TARGETS)'); do \
		echo "$$target"; \
		$(BIN)/python -m tests.support.fuzz $$target -max_total_time=$(SECONDS) -verbosity=0 || exit 1; \
	done

docs: setup
	$(BIN)/bootharness schema >docs/trace.schema.json
	$(BIN)/bootharness schema gate >docs/gate.schema.json
	$(BIN)/bootharness schema gate-diff >docs/gate-diff.schema.json
	$(BIN)/bootharness schema bisect >docs/bisect.schema.json
	$(BIN)/bootharness schema factors >docs/factors.schema.json
	$(BIN)/bootharness schema check >docs/check.schema.json
	$(BIN)/python -m bootharness.report.causes_page >docs/causes.md
	$(BIN)/python -m bootharness.plugin.reference docs/testing.md
	$(BIN)/python -m bootharness.cli.page >docs/cli.md

# what README.md shows of commands, as they are printed now: of each piece that it shows, as many lines
readme: tools
	$(BIN)/python -m tests.support.readme

bench: tools
	$(BIN)/python -m tests.bench

# what a boot costs more by a Dask cluster than here, and 10,000 boots that cost nothing through one:
# takes a quarter of an hour; then what follows for 10,000 and 1,000,000 boots by 100 and 1,000 workers
bench-many: tools
	$(BIN)/python -m tests.bench.many
	$(BIN)/python -m tests.bench.scale

# the network boot's times and rates beside those of slirp and dnsmasq
bench-net: tools
	$(BIN)/python -m tests.bench.net

# what an initramfs and a command on a kernel cost, beside bare QEMU; with BENCH_CHROOT=FOLDER, as
# mmdebstrap makes one with linux-image-amd64, dracut-core, initramfs-tools and cryptsetup-bin, beside
# dracut and mkinitramfs
bench-shell: tools
	$(BIN)/python -m tests.bench.shell

# what the recorder costs a boot by a UEFI, and what a saved machine saves: takes five minutes
bench-uefi: tools
	$(BIN)/python -m tests.bench.uefi

# 200 reverse operations in recordings of ten faults, and what it costs to record, to play and to ask:
# takes five minutes; QEMU names another one, as QEMU=/usr/bin/qemu-system-i386
# `python -m tests.support.other_release trixie qemu` unpacks that release's, and prints what to name
bench-back: tools
	$(BIN)/python -m tests.bench.back

# boots that a bisection takes against log2(n), and how often it is right; nothing is booted
bench-bisect: tools
	$(BIN)/python -m tests.bench.bisect

# symbols planted between Debian's two configurations of 6.1, found with that kernel's own Kconfig and
# stand-in kernels: downloads 140 MB, takes half an hour
CONFIGS := $(VENV)/configs
KERNEL_BUILT_WITH := make:make gcc:gcc flex:flex bison:bison bc:bc /usr/include/stdio.h:libc6-dev /usr/include/libelf.h:libelf-dev
bench-config: tools $(CONFIGS)/linux-source-6.1
	$(BIN)/python -m tests.bench.configs $(CONFIGS)/linux-source-6.1 \
		$(CONFIGS)/config.amd64_none_cloud-amd64 $(CONFIGS)/config.amd64_none_amd64

$(CONFIGS)/linux-source-6.1:
	$(call install,$(KERNEL_BUILT_WITH),)
	mkdir -p $(CONFIGS) && cd $(CONFIGS) && apt-get download linux-source-6.1 linux-config-6.1 \
	&& for each in *.deb; do dpkg -x $$each .; done && xz -d usr/src/linux-config-6.1/*.xz \
	&& mv usr/src/linux-config-6.1/config.* . && tar xJf usr/src/linux-source-6.1.tar.xz && rm -r usr *.deb

# a history planted in a real kernel's tree, hunted through with real builds and boots, one command
# each: downloads 140 MB, needs 6 GB and takes an hour. HUNT names some of them, as HUNT="panic pace"
HUNT ?=
hunts: tools $(CONFIGS)/linux-source-6.1
	$(call install,$(KERNEL_BUILT_WITH),)
	$(BIN)/python -m tests.support.hunts $(CONFIGS)/linux-source-6.1 $(VENV)/hunts $(HUNT)

# a small kernel with a module, built from its source, and commands on what make has left: downloads
# 140 MB, takes ten minutes
built-tree: tools $(CONFIGS)/linux-source-6.1
	$(call install,$(KERNEL_BUILT_WITH),)
	$(BIN)/python -m tests.support.built_tree $(CONFIGS)/linux-source-6.1 $(VENV)/built-tree

# how often chance is taken for a rule, and a rule that is there is found
bench-factors: tools
	$(BIN)/python -m tests.bench.factors

# every network fault on every path, and the cause that it gives: takes ten minutes
faults-net: tools
	$(BIN)/python -m tests.support.net_matrix

# eighty faults of disks that a UEFI boots, RUNS times each, and the cause that each gives: takes
# twenty minutes for each time; CASE names some, as CASE=grub
CASE ?=
faults-uefi: tools
	RUNS=$(RUNS) $(BIN)/python -m tests.support.uefi_matrix $(CASE)

# six images booted from a saved machine, RESTORES times each, against the record of a boot from the
# beginning: takes half an hour
RESTORES ?= 34
restores: tools
	TIMES=$(RESTORES) $(BIN)/python -m tests.support.restores

# folders of boot files as people have them, good and with one thing wrong, and what comes of each:
# downloads 20 MB, takes twenty minutes; ROW names some, as ROW=undionly
trees: tools
	$(BIN)/python -m tests.support.net_trees $(VENV)/trees $(ROW)

# the rules of the diagnosis, of checking, of what is wanted and of how a guest is watched, changed in
# every way that mutmut knows: takes half an hour; FILES names some of them, as FILES=diagnosis/kernel.py
FILES ?=
mutants-rules: tools
	$(BIN)/python -m pip install -q --disable-pip-version-check 'mutmut>=3.8,<3.9'
	$(BIN)/python -m tests.mutants.rules $(FILES)

# stage1 with one instruction changed, in every way: what nobody notices nobody tests
mutants: tools
	$(BIN)/python -m tests.mutants

clean:
	rm -rf $(VENV) build dist .fuzz
