#!/bin/sh
# Makes a bootable ISO (BIOS and UEFI). usage: iso.sh KERNEL PACKAGE ISO [COMMAND LINE]
#
# KERNEL is stripped on the way: GRUB would load the debug sections into memory as well.
set -eu
kernel=$1 package=$2 iso=$3 command_line=${4:-}
for tool in grub-mkrescue xorriso mformat; do
    command -v "$tool" >/dev/null || {
        echo "make iso: $tool is missing; install grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools" >&2
        exit 1
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/boot/grub"
${OBJCOPY:-objcopy} --strip-all "$kernel" "$tree/boot/capos.elf"
cp "$package" "$tree/boot/package"
cat >"$tree/boot/grub/grub.cfg" <<CONFIG
set timeout=0
insmod all_video
menuentry "capOS" {
    multiboot2 /boot/capos.elf $command_line
    module2 /boot/package
}
CONFIG
grub-mkrescue -o "$iso" "$tree" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
