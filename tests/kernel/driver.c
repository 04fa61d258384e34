// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the maple tree of a Linux source tree in user space, so that mmsim can be compared
 * with the kernel's own code. Built by build.py inside tools/testing/radix-tree of that source.
 *
 * Commands on standard input, one a line, each a letter and three numbers:
 *   s INDEX LAST ENTRY   store (0 is NULL)        i INDEX LAST ENTRY   insert
 *   e INDEX 0 0          erase                    d 0 0 0              dump
 *   f MIN MAX SIZE       lowest free range        r MIN MAX SIZE       highest free range
 *   n INDEX LIMIT BITS   walk to INDEX, then six steps: next where the bit is set, else prev
 * One answer line each.
 */
#define CONFIG_DEBUG_MAPLE_TREE
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

#define module_init(x)
#define module_exit(x)
#define MODULE_AUTHOR(x)
#define MODULE_LICENSE(x)
#define dump_stack() abort()

#include "../../../lib/maple_tree.c"

static unsigned long number_of(void *entry)
{
	return entry ? xa_to_value(entry) : 0;
}

static void print_node(struct maple_enode *encoded, unsigned long max)
{
	enum maple_type type = mte_node_type(encoded);
	struct maple_node *node = mte_to_node(encoded);
	unsigned long *pivots = ma_pivots(node, type);
	unsigned long *gaps = ma_gaps(node, type);
	void **slots = (void **)ma_slots(node, type);
	unsigned int end = ma_data_end(node, type, pivots, max);

	putchar(type == maple_leaf_64 ? 'L' : gaps ? 'A' : 'R');
	for (unsigned int i = 0; i <= end; i++) {
		unsigned long last = i < end ? pivots[i] : max;

		printf("%c%lu:", i ? ',' : '[', last);
		if (type == maple_leaf_64)
			printf("%lu", number_of(slots[i]));
		else
			print_node(slots[i], last);
	}
	for (unsigned int i = 0; gaps && i <= end; i++)
		printf("%c%lu", i ? ',' : '|', gaps[i]);
	if (gaps)
		printf("|%u", ma_meta_gap(node, type));
	putchar(']');
}

static void dump(struct maple_tree *tree)
{
	void *root = tree->ma_root;

	if (!root)
		printf("null");
	else if (xa_is_node(root))
		print_node(root, ULONG_MAX);
	else
		printf("root %lu", number_of(root));
	putchar('\n');
}

static void room(struct maple_tree *tree, int lowest, unsigned long min, unsigned long max, unsigned long size)
{
	MA_STATE(mas, tree, 0, 0);
	int ret;

	mas_lock(&mas);
	ret = lowest ? mas_empty_area(&mas, min, max, size) : mas_empty_area_rev(&mas, min, max, size);
	mas_unlock(&mas);
	if (ret)
		printf("%d\n", ret);
	else
		printf("0 %lu %lu\n", mas.index, mas.last);
}

static void steps(struct maple_tree *tree, unsigned long index, unsigned long limit, unsigned long bits)
{
	MA_STATE(mas, tree, index, index);
	void *entry;

	rcu_read_lock();
	entry = mas_walk(&mas);
	printf("%lu %lu %lu", number_of(entry), mas.index, mas.last);
	for (int i = 0; i < 6; i++) {
		entry = bits >> i & 1 ? mas_next(&mas, limit) : mas_prev(&mas, index < limit ? 0 : limit);
		printf(" / %lu %lu %lu", number_of(entry), mas.index, mas.last);
	}
	rcu_read_unlock();
	putchar('\n');
}

int main(int argc, char **argv)
{
	DEFINE_MTREE(tree);
	unsigned long a, b, c;
	char op;

	if (argc != 2)
		return 2;
	maple_tree_init();
	mt_init_flags(&tree, atoi(argv[1]));
	while (scanf(" %c %lu %lu %lu", &op, &a, &b, &c) == 4) {
		switch (op) {
		case 's':
			printf("%d\n", mtree_store_range(&tree, a, b, c ? xa_mk_value(c) : NULL, GFP_KERNEL));
			break;
		case 'i':
			printf("%d\n", mtree_insert_range(&tree, a, b, xa_mk_value(c), GFP_KERNEL));
			break;
		case 'e':
			printf("%lu\n", number_of(mtree_erase(&tree, a)));
			break;
		case 'd':
			dump(&tree);
			break;
		case 'f':
		case 'r':
			room(&tree, op == 'f', a, b, c);
			break;
		case 'n':
			steps(&tree, a, b, c);
			break;
		}
	}
	return 0;
}
