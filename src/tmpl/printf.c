/* printf as Go has it: a directive is flags, width, precision, argument index and verb. Mistakes
 * show in the output. The order of the checks is Go's, because several mistakes at once show which
 * comes first. */
#include "format.h"

#include <string.h>

#include "binnacle/base/text.h"
#include "printer.h"

#define NUMBER_LARGEST 1000000 /* of a width or precision; more is as if none was given */

/* Digits from *at on; false without any, and for numbers beyond reason. */
static bool scan_number(const char *format, size_t *at, size_t end, int *number)
{
	bool any = false;

	*number = 0;
	for (; *at < end && format[*at] >= '0' && format[*at] <= '9'; ++*at) {
		if (*number > NUMBER_LARGEST) {
			*number = 0;
			*at = end;
			return false;
		}
		*number = *number * 10 + (format[*at] - '0');
		any = true;
	}
	return any;
}

/* "[3]": the next argument is the third. True when there was an index in brackets. */
static bool scan_index(struct printer *p, const char *format, size_t *at, size_t end)
{
	const char *close;
	size_t inner;
	int number;

	if (*at >= end || format[*at] != '[')
		return false;
	p->reordered = true;
	close = end - *at >= 3 ? memchr(format + *at, ']', end - *at) : NULL;
	if (!close) {
		p->good_index = false;
		*at += 1;
		return false;
	}
	inner = *at + 1;
	*at = (size_t)(close - format) + 1;
	if (!scan_number(format, &inner, (size_t)(close - format), &number) ||
	    format + inner != close) {
		p->good_index = false;
		return false;
	}
	if (number < 1 || (size_t)number > p->count) {
		p->good_index = false;
		return true;
	}
	p->next = (size_t)number - 1;
	return true;
}

static bool take_int(struct printer *p, int *number)
{
	const struct tmpl_value *value;

	*number = 0;
	if (p->next >= p->count)
		return false;
	value = p->args[p->next++];
	if (value->type->kind == TMPL_INT && value->u.integer >= -NUMBER_LARGEST &&
	    value->u.integer <= NUMBER_LARGEST)
		*number = (int)value->u.integer;
	else if (value->type->kind == TMPL_UINT && value->u.uinteger <= NUMBER_LARGEST)
		*number = (int)value->u.uinteger;
	else
		return false;
	return true;
}

static void scan_flags(struct printer *p, const char *format, size_t *at, size_t end)
{
	p->minus = p->plus = p->sharp = p->space = p->zero = p->plus_v = p->sharp_v = false;
	p->has_width = p->has_precision = false;
	for (; *at < end; ++*at) {
		switch (format[*at]) {
		case '#':
			p->sharp = true;
			break;
		case '0':
			p->zero = !p->minus;
			break;
		case '+':
			p->plus = true;
			break;
		case '-':
			p->minus = true;
			p->zero = false;
			break;
		case ' ':
			p->space = true;
			break;
		default:
			return;
		}
	}
}

static bool scan_width(struct printer *p, const char *format, size_t *at, size_t end, bool indexed)
{
	if (*at >= end || format[*at] != '*') {
		p->has_width = scan_number(format, at, end, &p->width);
		if (indexed && p->has_width)
			p->good_index = false;
		return indexed;
	}
	++*at;
	p->has_width = take_int(p, &p->width);
	if (!p->has_width)
		strbuf_addstr(p->out, "%!(BADWIDTH)");
	if (p->width < 0) {
		p->width = -p->width;
		p->minus = true;
		p->zero = false;
	}
	return false;
}

static bool scan_precision(struct printer *p, const char *format, size_t *at, size_t end,
			   bool indexed)
{
	if (*at >= end || format[*at] != '.')
		return indexed;
	++*at;
	if (indexed)
		p->good_index = false;
	indexed = scan_index(p, format, at, end);
	if (*at >= end || format[*at] != '*') {
		if (!scan_number(format, at, end, &p->precision))
			p->precision = 0;
		p->has_precision = true;
		return indexed;
	}
	++*at;
	p->has_precision = take_int(p, &p->precision);
	if (p->precision < 0) {
		p->precision = 0;
		p->has_precision = false;
	}
	if (!p->has_precision)
		strbuf_addstr(p->out, "%!(BADPREC)");
	return false;
}

/* What follows a percent sign. */
static void print_directive(struct printer *p, const char *format, size_t *at, size_t end)
{
	bool indexed;
	uint32_t verb;

	p->good_index = true;
	scan_flags(p, format, at, end);
	indexed = scan_index(p, format, at, end);
	indexed = scan_width(p, format, at, end, indexed);
	indexed = scan_precision(p, format, at, end, indexed);
	if (!indexed)
		scan_index(p, format, at, end);
	if (*at >= end) {
		strbuf_addstr(p->out, "%!(NOVERB)");
		return;
	}
	*at += text_decode(format + *at, end - *at, &verb);
	if (verb == TEXT_INVALID)
		verb = 0xfffd;
	if (verb == '%') {
		strbuf_addch(p->out, '%');
	} else if (!p->good_index) {
		printer_complain(p, verb, "(BADINDEX)");
	} else if (p->next >= p->count) {
		printer_complain(p, verb, "(MISSING)");
	} else {
		if (verb == 'v') {
			p->sharp_v = p->sharp;
			p->plus_v = p->plus;
			p->sharp = p->plus = false;
		}
		printer_arg(p, p->args[p->next++], verb);
	}
}

static void print_extra(struct printer *p)
{
	struct printer plain = { .out = p->out };

	strbuf_addstr(p->out, "%!(EXTRA ");
	for (size_t i = p->next; i < p->count; i++) {
		if (i > p->next)
			strbuf_addstr(p->out, ", ");
		if (p->args[i]->type->kind != TMPL_NIL)
			strbuf_addf(p->out, "%s=", p->args[i]->type->name);
		printer_value(&plain, p->args[i], 'v', 0);
	}
	strbuf_addch(p->out, ')');
}

void format_printf(struct strbuf *out, const char *format, size_t len,
		   const struct tmpl_value **args, size_t count)
{
	struct printer p = { .out = out, .args = args, .count = count };

	for (size_t at = 0; at < len;) {
		const char *percent = memchr(format + at, '%', len - at);
		size_t stop = percent ? (size_t)(percent - format) : len;

		strbuf_add(out, format + at, stop - at);
		at = stop;
		if (percent) {
			at++;
			print_directive(&p, format, &at, len);
		}
	}
	if (!p.reordered && p.next < count)
		print_extra(&p);
}
