/*
 * Whether KVM really runs guests here. That /dev/kvm exists says little: inside virtual machines it often
 * accepts a guest and then never runs it. So capOS itself is booted once with nothing to do, under a short
 * time limit, and the answer is kept until this machine, QEMU or the kernel changes.
 */
#pragma once
#include "qemu.h"
#include "sentence.h"

/* True if a probe guest ran and ended in order. Otherwise *why says what happened. May take some seconds. */
bool kvm_usable(struct sentence *why);

/* Switches the machine to KVM if that is wanted and works; says so on stderr if it does not work. */
void kvm_choose(struct machine *machine, bool wanted);
