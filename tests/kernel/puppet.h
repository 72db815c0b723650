/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A puppet is a process in a container that does what the test tells it, one
 * call at a time, and answers with the result: so a test reads from top to
 * bottom whatever the number of processes in it.
 *
 *	struct puppet *p = puppet_in(slot);
 *
 *	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
 *
 * A puppet's own pipes were opened outside, so all that it costs its container
 * is one numproc. Pointers in arguments must be to what was there when the
 * puppet was forked (constants, functions) or to shared memory (shm).
 */
#ifndef RESCORE_PUPPET_H
#define RESCORE_PUPPET_H

#include "rescore_test.h"

typedef long (*puppet_fn)(long a, long b, long c);

struct puppet_call {
	puppet_fn fn;		/* NULL: system call nr */
	long nr;
	long arg[6];
};

struct puppet {
	pid_t pid;
	int to;
	int from;
};

#define PUPPETS_MAX 64
static struct puppet puppets[PUPPETS_MAX];

static inline long result(long ret)
{
	return ret == -1 ? -errno : ret;
}

static inline void puppet_run(int from, int to)
{
	struct puppet_call call;
	ssize_t size;
	long ret;

	for (;;) {
		size = read(from, &call, sizeof(call));
		if (size < 0 && errno == EINTR)
			continue;	/* a signal between two calls */
		if (size != sizeof(call))
			break;
		if (call.fn)
			ret = call.fn(call.arg[0], call.arg[1], call.arg[2]);
		else
			ret = result(syscall(call.nr, call.arg[0], call.arg[1],
					     call.arg[2], call.arg[3],
					     call.arg[4], call.arg[5]));
		if (write(to, &ret, sizeof(ret)) != sizeof(ret))
			break;
	}
	_exit(0);
}

/* A signal that does nothing but to interrupt a call. */
static inline void puppet_interrupt(int sig)
{
}

/* A puppet's descriptors from 3 on. 0 to 2 are the test's. */
#define PUPPET_FROM	3	/* calls */
#define PUPPET_TO	4	/* answers */
#define PUPPET_PASS	5	/* a socket pair that all of them share */
#define PUPPET_TAKE	6
#define PUPPET_FD	7	/* the first that it opens for a test */

static inline void puppet_play(int from, int to)
{
	const struct sigaction action = { .sa_handler = puppet_interrupt };
	int fd[4], i;

	sigaction(SIGUSR1, &action, NULL);
	/* each may be in another's place */
	fd[0] = fcntl(from, F_DUPFD, 100);
	fd[1] = fcntl(to, F_DUPFD, 100);
	fd[2] = fcntl(shm->pass[0], F_DUPFD, 100);
	fd[3] = fcntl(shm->pass[1], F_DUPFD, 100);
	for (i = 0; i < 4; i++)
		dup3(fd[i], PUPPET_FROM + i, O_CLOEXEC);
	syscall(SYS_close_range, PUPPET_FD, ~0U, 0);
	puppet_run(PUPPET_FROM, PUPPET_TO);
}

static inline void puppet_main(int from, int to)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puppet_play(from, to);
}

static inline void puppet_start(struct puppet *p)
{
	int down[2], up[2];

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		ksft_exit_fail_perror("pipe");
	p->pid = fork();
	if (p->pid < 0)
		ksft_exit_fail_perror("fork");
	if (!p->pid)
		puppet_main(down[0], up[1]);
	close(down[0]);
	close(up[1]);
	p->to = down[1];
	p->from = up[0];
}

/* A new puppet in container @slot; 0: on the host. */
static inline struct puppet *puppet_in(int slot)
{
	struct puppet *p = puppets;
	int err;

	while (p->pid)
		if (++p == puppets + PUPPETS_MAX)
			ksft_exit_fail_msg("too many puppets\n");
	puppet_start(p);
	err = slot ? move_to(p->pid, slot) : 0;
	if (err) {
		errno = -err;
		ksft_exit_fail_perror("cannot move a puppet");
	}
	return p;
}

static inline void puppet_forget(struct puppet *p)
{
	close(p->to);
	close(p->from);
	p->pid = 0;
}

/* Kill and reap it. Returns its wait status. */
static inline int puppet_end(struct puppet *p)
{
	int status = -1;

	kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	puppet_forget(p);
	return status;
}

static inline void end_puppets(void)
{
	struct puppet *p;

	for (p = puppets; p < puppets + PUPPETS_MAX; p++)
		if (p->pid)
			puppet_end(p);
}

/* --- calls ------------------------------------------------------------------- */

static inline void puppet_send(struct puppet *p, const struct puppet_call *call)
{
	if (write(p->to, call, sizeof(*call)) != sizeof(*call))
		ksft_exit_fail_perror("write to puppet");
}

/* The answer to what was sent; -ENOTCONN: the puppet is dead. */
static inline long puppet_answer(struct puppet *p)
{
	long ret;

	if (read(p->from, &ret, sizeof(ret)) != sizeof(ret))
		return -ENOTCONN;
	return ret;
}

/* Start a call; the answer is fetched by puppet_answer(). */
#define puppet_send_sys(p, sysnr, a, b, c, d) \
	puppet_send(p, &(struct puppet_call){ \
		.nr = (sysnr), \
		.arg = { (long)(a), (long)(b), (long)(c), (long)(d) } })

#define puppet_sys(p, sysnr, a, b, c, d) \
({ \
	puppet_send_sys(p, sysnr, a, b, c, d); \
	puppet_answer(p); \
})

#define puppet_send_call(p, f, a, b, c) \
	puppet_send(p, &(struct puppet_call){ \
		.fn = (f), .arg = { (long)(a), (long)(b), (long)(c) } })

#define puppet_do(p, f, a, b, c) \
({ \
	puppet_send_call(p, f, a, b, c); \
	puppet_answer(p); \
})

/* --- what most tests make them do ---------------------------------------------- */

static inline long puppet_open(struct puppet *p, const char *path, int flags)
{
	return puppet_sys(p, SYS_openat, AT_FDCWD, path, flags, 0600);
}

static inline long puppet_close(struct puppet *p, int fd)
{
	return puppet_sys(p, SYS_close, fd, 0, 0, 0);
}

/* Open @path until it fails, but not more than @most times. Returns how many. */
static inline long open_many(long path, long most, long flags)
{
	long n;

	for (n = 0; n < most; n++)
		if (open((const char *)path, flags, 0600) < 0)
			break;
	return n;
}

/* Close every descriptor from @first on. */
static inline long close_from(long first, long b, long c)
{
	return result(syscall(SYS_close_range, first, ~0U, 0));
}

/* A child that does nothing, to be killed or reaped. Its pid or -errno. */
static inline long fork_idle(long a, long b, long c)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return result(pid);
}

/* A child that exits at once and stays a zombie. */
static inline long fork_zombie(long a, long b, long c)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	return result(pid);
}

static inline long reap(long pid, long b, long c)
{
	return result(waitpid(pid, NULL, 0));
}

static inline long kill_and_reap(long pid, long b, long c)
{
	kill(pid, SIGKILL);
	return reap(pid, b, c);
}

/* Fork and reap until number[0] is set; number[1] counts. */
static inline long fork_storm(long a, long b, long c)
{
	pid_t pid;

	while (!__atomic_load_n(&shm->number[0], __ATOMIC_RELAXED)) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		__atomic_fetch_add(&shm->number[1], 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* --- threads ---------------------------------------------------------------- */

#define THREADS_MAX 64
static struct {
	int n;
	bool stop;
	pthread_t thread[THREADS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t wake;
} threads = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
};

static inline void *thread_idle(void *arg)
{
	pthread_mutex_lock(&threads.lock);
	while (!threads.stop)
		pthread_cond_wait(&threads.wake, &threads.lock);
	pthread_mutex_unlock(&threads.lock);
	return NULL;
}

/* Start @n threads that wait. 0, or -errno of the one that failed. */
static inline long threads_start(long n, long b, long c)
{
	int err;

	threads.stop = false;
	while (n--) {
		err = pthread_create(&threads.thread[threads.n], NULL,
				     thread_idle, NULL);
		if (err)
			return -err;
		threads.n++;
	}
	return 0;
}

static inline long threads_stop(long a, long b, long c)
{
	pthread_mutex_lock(&threads.lock);
	threads.stop = true;
	pthread_cond_broadcast(&threads.wake);
	pthread_mutex_unlock(&threads.lock);
	while (threads.n)
		pthread_join(threads.thread[--threads.n], NULL);
	return 0;
}

/* --- descriptors from one puppet to another ----------------------------------- */

union fd_message {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* Put @fd on its way to the puppet that takes it next. */
static inline long pass_fd(long fd, long b, long c)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union fd_message control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(cmsg) = fd;
	return sendmsg(PUPPET_PASS, &msg, 0) < 0 ? -errno : 0;
}

/* The descriptor that was passed, or -errno. */
static inline long take_fd(long a, long b, long c)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union fd_message control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(PUPPET_TAKE, &msg, MSG_DONTWAIT) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	return cmsg ? *(int *)CMSG_DATA(cmsg) : -ENOMSG;
}

#endif /* RESCORE_PUPPET_H */
