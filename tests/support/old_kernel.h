// Stands for file systems and kernels that do not know renameat2.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>

namespace unbrine {

// For the calling thread, which keeps it until it ends. False: not allowed here.
inline bool forget_renameat2() {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof steps / sizeof *steps, steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Runs `function` where renameat2 gives ENOSYS. False: it did not run.
template <class Function>
bool run_without_renameat2(const Function& function) {
  bool forgot = false;
  std::jthread([&] {
    forgot = forget_renameat2();
    if (forgot) function();
  }).join();
  return forgot;
}

}  // namespace unbrine
