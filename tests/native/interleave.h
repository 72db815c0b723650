/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every order in which several CPUs may go, on one. Each CPU is a coroutine
 * that stops in front of each access to shared memory (NATIVE_STEP); explore()
 * runs a scenario again and again, every time with another choice of who goes
 * on, until there is none left. CPUs are held up while they could go on so many
 * times in an order, and no more: few errors need three, and without a bound it
 * takes days.
 *
 * All orders are of whole accesses, one after the other. That is what x86 makes
 * of the programs' atomic instructions, each a full barrier; whether they name
 * an order where they need one is for ThreadSanitizer and race_*.c to say.
 */
#ifndef INTERLEAVE_H
#define INTERLEAVE_H

#include <setjmp.h>
#include <ucontext.h>

static void interleave_step(void);

#define NATIVE_STEP()	interleave_step()
#include "fixture.h"

#define CPUS_MAX	3
#define CPU_STACK	(128 << 10)
#define STEPS_MAX	1000

struct scenario {
	const char *name;
	unsigned int nr_cpus;
	unsigned int preemptions;
	const void *arg;			/* of its functions */
	void (*begin)(const void *arg);
	void (*run)(const void *arg, unsigned int cpu);
	bool (*holds)(const void *arg);		/* at every step; or NULL */
	bool (*end)(const void *arg);		/* when all are done */
};

/* One choice: who may go on, first who just ran, and whose turn it is. */
struct choice {
	unsigned char cpu[CPUS_MAX];
	unsigned char nr, taken;
};

static struct {
	const struct scenario *scenario;
	int running;			/* cpu; -1: the test looks on */
	jmp_buf at, cpu_at[CPUS_MAX];
	bool done[CPUS_MAX];
	struct native_task self[CPUS_MAX];
	unsigned int length;		/* of the present order */
	struct choice choice[STEPS_MAX];
} machine = { .running = -1 };

static void cpu_stop(int cpu)
{
	if (!_setjmp(machine.cpu_at[cpu]))
		_longjmp(machine.at, 1);
}

static void interleave_step(void)
{
	if (machine.running >= 0)
		cpu_stop(machine.running);
}

/* A coroutine serves all orders of a scenario: it never returns. */
static void cpu_main(int cpu)
{
	for (;;) {
		cpu_stop(cpu);
		machine.scenario->run(machine.scenario->arg, cpu);
		machine.done[cpu] = true;
	}
}

static void cpu_create(int cpu)
{
	static char stacks[CPUS_MAX][CPU_STACK];
	static ucontext_t context;

	getcontext(&context);
	context.uc_stack.ss_sp = stacks[cpu];
	context.uc_stack.ss_size = CPU_STACK;
	makecontext(&context, (void (*)(void))cpu_main, 1, cpu);
	if (!_setjmp(machine.at))
		setcontext(&context);
}

/* To its next step, or its end. No locals: they would not outlive the jump. */
static __noinline void cpu_resume(int cpu)
{
	machine.running = cpu;
	native_self = machine.self[cpu];
	if (!_setjmp(machine.at))
		_longjmp(machine.cpu_at[cpu], 1);
	machine.running = -1;
}

/* Who may go on after @last? False: all are done. */
static bool choose(struct choice *choice, int last, unsigned int preempted)
{
	bool goes_on = last >= 0 && !machine.done[last];
	unsigned int cpu;

	*choice = (struct choice){};
	if (goes_on)
		choice->cpu[choice->nr++] = last;
	if (goes_on && preempted == machine.scenario->preemptions)
		return true;
	for (cpu = 0; cpu < machine.scenario->nr_cpus; cpu++)
		if (!machine.done[cpu] && (int)cpu != last)
			choice->cpu[choice->nr++] = cpu;
	return choice->nr;
}

/* One order: the first @given choices are made. */
static bool run_order(const struct scenario *scenario, unsigned int given)
{
	unsigned int step = 0, preempted = 0;
	struct choice *choice = machine.choice;
	int last = -1;

	scenario->begin(scenario->arg);
	memset(machine.done, 0, sizeof(machine.done));
	for (;; step++, choice++) {
		machine.length = step;
		if (step == STEPS_MAX)
			native_die("%s: no end", scenario->name);
		if (step >= given && !choose(choice, last, preempted))
			return scenario->end(scenario->arg);
		if (choice->taken && choice->cpu[0] == last)
			preempted++;
		last = choice->cpu[choice->taken];
		cpu_resume(last);
		if (scenario->holds && !scenario->holds(scenario->arg))
			return false;
	}
}

/* The next order in machine.choice; how many of its choices are given. */
static unsigned int next_order(void)
{
	unsigned int length = machine.length;
	struct choice *choice;

	for (; length; length--) {
		choice = &machine.choice[length - 1];
		if (++choice->taken < choice->nr)
			return length;
	}
	return 0;
}

static void explore(const struct scenario *scenario)
{
	unsigned int cpu, orders = 0, given = 0, i;
	bool right;

	machine.scenario = scenario;
	for (cpu = 0; cpu < scenario->nr_cpus; cpu++)
		cpu_create(cpu);
	do {
		right = run_order(scenario, given);
		orders++;
	} while (right && (given = next_order()));

	tap_ok(right, "%s: %u orders", scenario->name, orders);
	if (right)
		return;
	printf("# wrong when these went, step by step: ");
	for (i = 0; i <= machine.length; i++)
		printf("%u", machine.choice[i].cpu[machine.choice[i].taken]);
	printf("\n");
}

#endif /* INTERLEAVE_H */
