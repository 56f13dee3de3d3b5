/*
 * Which system calls the kernel refuses inside of the sandbox (calls.def), and which it refuses by their arguments: sockets that are
 * not local ones, and new namespaces. clone3 keeps its arguments in memory, where they cannot be looked at: it is not there, and
 * the C library then uses clone.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runner/runner_priv.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define FIELD(f) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, f))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define FAIL(e) ANSWER(SECCOMP_RET_ERRNO | (e))
/* Skips the n next ones unless what was loaded is v. */
#define UNLESS(v, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), 0, (n))
#define REFUSE(name) UNLESS(__NR_##name, 1), FAIL(EPERM),

#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
enum { OTHER_ABI = 0x40000000 };

#ifdef ARCH
static const struct sock_filter program[] = {
        FIELD(arch),
        UNLESS(ARCH, 1),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        FIELD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1),
        FAIL(ENOSYS),
#include "runner/calls.def"
        UNLESS(__NR_clone3, 1),
        FAIL(ENOSYS),
        UNLESS(__NR_clone, 4),
        FIELD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
        FAIL(EPERM),
        ANSWER(SECCOMP_RET_ALLOW),
        UNLESS(__NR_socket, 3),
        FIELD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
        FAIL(EAFNOSUPPORT),
        ANSWER(SECCOMP_RET_ALLOW),
};

int runner_calls(void)
{
	return runner_memory_file((struct str){(const char *)program, sizeof(program)});
}
#else
int runner_calls(void)
{
	errno = ENOSYS;
	return -1;
}
#endif
