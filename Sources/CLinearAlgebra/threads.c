#include "CLinearAlgebra.h"

#if defined(__APPLE__)

void nt_blas_enter(int count) { (void)count; }
void nt_blas_leave(void) {}
int nt_blas_is_entered(void) { return 0; }
void nt_blas_set_threads(int count) { (void)count; }
int nt_blas_threads(void) { return 0; }

#else

#include "blas_library.h"

#include <pthread.h>

void nt_blas_set_threads(int count) { NT_CALL(set_threads)(count); }
int nt_blas_threads(void) { return NT_CALL(get_threads)(); }

// Those inside BLAS all want the same number of threads; who wants another waits. They are let in one by one in the order
// in which they came, so that a stream of calls with one number cannot keep out a call with another.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
  int users, wanted;        // inside, and the number that they want
  int found, given;         // BLAS's number before the first of them, and what it made of the number that they want
  unsigned long next, turn;  // the ticket of the next to come, and of the next to be let in
} gate;
static _Thread_local int depth;

void nt_blas_enter(int count) {
  if (depth++ > 0) return;
  pthread_mutex_lock(&lock);
  unsigned long ticket = gate.next++;
  while (ticket != gate.turn || (gate.users > 0 && gate.wanted != count)) pthread_cond_wait(&changed, &lock);
  gate.turn++;
  if (gate.users++ == 0) {
    gate.wanted = count;
    gate.found = gate.given = nt_blas_threads();
    if (gate.found != count) {
      nt_blas_set_threads(count);
      gate.given = nt_blas_threads();
    }
  }
  if (gate.turn != gate.next) pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

void nt_blas_leave(void) {
  if (--depth > 0) return;
  pthread_mutex_lock(&lock);
  if (--gate.users == 0) {
    // Somebody else's number, set meanwhile, is theirs to keep.
    if (gate.given != gate.found && nt_blas_threads() == gate.given) nt_blas_set_threads(gate.found);
    if (gate.turn != gate.next) pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
}

int nt_blas_is_entered(void) { return depth > 0; }

#endif
