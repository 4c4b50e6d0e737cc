/* Blocks of four slots: the rules are the same as for 64, and a reader can check them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/calico/ipam.h"

#define PLAIN "{\"handle_id\":null,\"secondary\":null}"
#define OTHER "{\"handle_id\":\"k8s-pod-network.5c1f\",\"secondary\":{\"pod\":\"p\"}}"
#define HEAD  "{\"cidr\":\"10.0.0.8/30\",\"affinity\":\"host:N1\",\"strictAffinity\":false,"
#define LOOSE "{\"cidr\":\"10.0.0.8/30\",\"affinity\":null,\"strictAffinity\":false,"

static struct calico_net address(const char *text)
{
	struct calico_net net;

	assert_true(calico_net_parse(&net, text));
	return net;
}

static void slots_say_what_is_taken_and_by_whom(void **state)
{
	static const char value[] = HEAD "\"allocations\":[1,null,0,1],\"unallocated\":[1],"
					 "\"attributes\":[" OTHER "," PLAIN "]}";
	struct calico_block block = { 0 };
	struct arena arena = ARENA_INIT;
	struct calico_net inside = address("10.0.0.10"), outside = address("10.0.0.12");
	struct err err;

	(void)state;
	assert_true(calico_block_decode(&block, value, &arena, &err));
	assert_string_equal(block.affinity, "N1");
	assert_int_equal(block.slot_count, 4);
	assert_int_equal(block.allocated_count, 3);
	assert_true(block.slots[0].allocated);
	assert_null(block.slots[0].handle);
	assert_false(block.slots[1].allocated);
	assert_string_equal(calico_block_slot(&block, &inside)->handle, "k8s-pod-network.5c1f");
	assert_null(calico_block_slot(&block, &outside));
	arena_release(&arena);
}

static void the_affinity_of_old_data_is_read_too(void **state)
{
	struct calico_block block = { 0 }, nobodys = { 0 };
	struct arena arena = ARENA_INIT;
	struct err err;

	(void)state;
	assert_true(calico_block_decode(&block,
					"{\"cidr\":\"10.0.0.8/31\",\"hostAffinity\":\"N2\","
					"\"allocations\":[null,null]}",
					&arena, &err));
	assert_string_equal(block.affinity, "N2");
	assert_true(calico_block_decode(&nobodys,
					"{\"cidr\":\"10.0.0.8/31\",\"affinity\":null,"
					"\"allocations\":[null,null],\"attributes\":null}",
					&arena, &err));
	assert_null(nobodys.affinity);
	arena_release(&arena);
}

static void releasing_follows_the_rule_to_the_letter(void **state)
{
	static const struct {
		const char *before, *address, *after;
		bool delete_block;
	} cases[] = {
		/* Others keep the entry; the ordinal goes to the end of the queue. */
		{ HEAD
		  "\"allocations\":[0,0,null,null],\"unallocated\":[2,3],\"attributes\":[" PLAIN
		  "]}",
		  "10.0.0.8",
		  HEAD "\"allocations\":[null,0,null,null],\"unallocated\":[2,3,0],"
		       "\"attributes\":[" PLAIN "]}",
		  false },
		/* The last one of an entry: the entry goes. */
		{ HEAD "\"allocations\":[null,null,null,0],\"unallocated\":[0,1,2],"
		       "\"attributes\":[" PLAIN "]}",
		  "10.0.0.11",
		  HEAD "\"allocations\":[null,null,null,null],\"unallocated\":[0,1,2,3],"
		       "\"attributes\":[]}",
		  false },
		/* ... and higher indexes come down by one, lower ones stay. */
		{ HEAD "\"allocations\":[2,1,0,2],\"unallocated\":[],\"attributes\":[" OTHER
		       "," PLAIN "," OTHER "]}",
		  "10.0.0.9",
		  HEAD "\"allocations\":[1,null,0,1],\"unallocated\":[1],\"attributes\":[" OTHER
		       "," OTHER "]}",
		  false },
		/* Nobody's block that becomes empty is deleted; one with something left is not. */
		{ LOOSE "\"allocations\":[0,null,null,null],\"unallocated\":[1,2,3],"
			"\"attributes\":[" PLAIN "]}",
		  "10.0.0.8",
		  LOOSE "\"allocations\":[null,null,null,null],\"unallocated\":[1,2,3,0],"
			"\"attributes\":[]}",
		  true },
		{ LOOSE
		  "\"allocations\":[0,0,null,null],\"unallocated\":[2,3],\"attributes\":[" PLAIN
		  "]}",
		  "10.0.0.8",
		  LOOSE "\"allocations\":[null,0,null,null],\"unallocated\":[2,3,0],"
			"\"attributes\":[" PLAIN "]}",
		  false },
		/* Unknown members stay where they are. */
		{ "{\"new\":{\"a\":[1,null,\"x\"]},\"cidr\":\"10.0.0.8/"
		  "31\",\"affinity\":\"host:N1\","
		  "\"allocations\":[0,null],\"unallocated\":[1],\"attributes\":[" PLAIN
		  "],\"deleted\":false}",
		  "10.0.0.8",
		  "{\"new\":{\"a\":[1,null,\"x\"]},\"cidr\":\"10.0.0.8/"
		  "31\",\"affinity\":\"host:N1\","
		  "\"allocations\":[null,null],\"unallocated\":[1,0],\"attributes\":[],"
		  "\"deleted\":false}",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct calico_net which = address(cases[i].address);
		struct calico_block_edit edit;
		struct err err;

		assert_true(calico_block_release(cases[i].before, &which, &edit, &err));
		assert_string_equal(edit.value.buf, cases[i].after);
		assert_int_equal(edit.delete_block, cases[i].delete_block);
		strbuf_release(&edit.value);
	}
}

static void what_must_not_be_released_is_not(void **state)
{
	static const char value[] = HEAD "\"allocations\":[1,null,0,1],\"unallocated\":[1],"
					 "\"attributes\":[" OTHER "," PLAIN "]}";
	static const struct {
		const char *value, *address;
		enum err_code code;
	} cases[] = {
		{ value, "10.0.0.9", ERR_NOT_FOUND },
		{ value, "10.0.0.10", ERR_REFUSED }, /* has a handle */
		{ value, "10.0.0.12", ERR_INPUT },   /* another block's */
		{ "not json", "10.0.0.8", ERR_FORMAT },
		{ "[]", "10.0.0.8", ERR_FORMAT },
		{ HEAD "\"allocations\":[7,null,null,null],\"attributes\":[" PLAIN "]}", "10.0.0.8",
		  ERR_FORMAT },
		{ HEAD "\"allocations\":[0,null,null],\"attributes\":[" PLAIN "]}", "10.0.0.8",
		  ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct calico_net which = address(cases[i].address);
		struct calico_block_edit edit;
		struct err err;

		assert_false(calico_block_release(cases[i].value, &which, &edit, &err));
		assert_int_equal(err.code, cases[i].code);
		strbuf_release(&edit.value);
	}
}

static void assigning_takes_the_slot_out_of_the_queue(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ HEAD "\"allocations\":[0,null,null,null],\"unallocated\":[3,1,2],"
		       "\"attributes\":[" PLAIN "]}",
		  HEAD
		  "\"allocations\":[0,0,null,null],\"unallocated\":[3,2],\"attributes\":[" PLAIN
		  "]}" },
		/* The plain entry is added when only others are there, or none. */
		{ HEAD "\"allocations\":[0,null,null,null],\"unallocated\":[1,2,3],"
		       "\"attributes\":[" OTHER "]}",
		  HEAD
		  "\"allocations\":[0,1,null,null],\"unallocated\":[2,3],\"attributes\":[" OTHER
		  "," PLAIN "]}" },
		{ HEAD "\"allocations\":[null,null,null,null],\"unallocated\":[0,1,2,3],"
		       "\"attributes\":null}",
		  HEAD "\"allocations\":[null,0,null,null],\"unallocated\":[0,2,3],"
		       "\"attributes\":[" PLAIN "]}" },
	};
	struct calico_net which = address("10.0.0.9");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct calico_block_edit edit;
		struct err err;

		assert_true(calico_block_assign(cases[i].before, &which, &edit, &err));
		assert_string_equal(edit.value.buf, cases[i].after);
		strbuf_release(&edit.value);
		assert_false(calico_block_assign(cases[i].after, &which, &edit, &err));
		assert_int_equal(err.code, ERR_CONFLICT);
		strbuf_release(&edit.value);
	}
}

static void a_released_address_can_be_assigned_again(void **state)
{
	static const char before[] = HEAD "\"allocations\":[0,0,null,null],\"unallocated\":[2,3],"
					  "\"attributes\":[" PLAIN "]}";
	struct calico_net which = address("10.0.0.8");
	struct calico_block_edit released, assigned;
	struct err err;

	(void)state;
	assert_true(calico_block_release(before, &which, &released, &err));
	assert_true(calico_block_assign(released.value.buf, &which, &assigned, &err));
	assert_string_equal(assigned.value.buf, before);
	strbuf_release(&released.value);
	strbuf_release(&assigned.value);
}

static void the_block_of_an_address_has_64(void **state)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct calico_net v4 = address("10.233.1.75"), v6 = address("fd80::4b"), block;

	(void)state;
	block = calico_block_of(&v4);
	assert_string_equal(calico_net_text(&block, text), "10.233.1.64/26");
	block = calico_block_of(&v6);
	assert_string_equal(calico_net_text(&block, text), "fd80::40/122");
}

static void a_pool_is_read(void **state)
{
	struct calico_pool pool = { 0 }, bad = { 0 };
	struct arena arena = ARENA_INIT;
	struct err err;

	(void)state;
	assert_true(calico_pool_decode(&pool,
				       "{\"cidr\":\"10.233.0.0/16\",\"ipip\":\"tunl0\","
				       "\"ipip_mode\":\"cross-subnet\",\"masquerade\":true,"
				       "\"ipam\":false,\"disabled\":true}",
				       &arena, &err));
	assert_true(pool.ipip && pool.masquerade && pool.disabled);
	assert_string_equal(pool.ipip_mode, "cross-subnet");
	assert_false(calico_pool_decode(&bad, "{\"cidr\":\"10.233.0.0/61\"}", &arena, &err));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_say_what_is_taken_and_by_whom),
		cmocka_unit_test(the_affinity_of_old_data_is_read_too),
		cmocka_unit_test(releasing_follows_the_rule_to_the_letter),
		cmocka_unit_test(what_must_not_be_released_is_not),
		cmocka_unit_test(assigning_takes_the_slot_out_of_the_queue),
		cmocka_unit_test(a_released_address_can_be_assigned_again),
		cmocka_unit_test(the_block_of_an_address_has_64),
		cmocka_unit_test(a_pool_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
