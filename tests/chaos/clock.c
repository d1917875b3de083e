/* Moves the wall clock of every process that preloads this by the seconds in the file WALL_CLOCK_FILE, from one moment to the next:
   eight bytes, as the machine writes a long. Time since the start, and with it every sleep, stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int gettime(clockid_t, struct timespec *);
static gettime *true_time;
static const volatile long *moved;

__attribute__((constructor)) static void prepare(void) {
  const char *path = getenv("WALL_CLOCK_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (!true_time) true_time = (gettime *)dlsym(RTLD_NEXT, "clock_gettime");
  if (file < 0) return;
  void *seen = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (seen != MAP_FAILED) moved = seen;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!true_time) prepare();
  int failed = true_time(clock, now);
  if (!failed && moved && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *moved;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *also) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (also) *also = exact.tv_sec;
  return exact.tv_sec;
}
