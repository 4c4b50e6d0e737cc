/*
 * base/limits.h - the most that we accept from anyone, in bytes unless the name says otherwise.
 * Every ceiling stands here, so that a reader can tell what a hostile peer can cost.
 */
#ifndef BINNACLE_BASE_LIMITS_H
#define BINNACLE_BASE_LIMITS_H

#define LIMIT_HTTP_BODY           (64u << 20)
#define LIMIT_HTTP_HEADERS        (256u << 10)
#define LIMIT_CONFIG_FILE         (1u << 20)
#define LIMIT_TEMPLATE_FILE       (8u << 20)
#define LIMIT_NGINX_CONF          (32u << 20)
#define LIMIT_NGINX_INCLUDE_DEPTH 16
#define LIMIT_NGINX_FILES_COUNT   4096
#define LIMIT_NGINX_BLOCK_DEPTH   64
#define LIMIT_EVENT_LINE          (1u << 20)
#define LIMIT_CHILD_OUTPUT        (1u << 20)
#define LIMIT_JSON_DEPTH          64
#define LIMIT_YAML_FILE           (1u << 20)
#define LIMIT_YAML_NODES          50000
#define LIMIT_YAML_MEMBERS        1000 /* of one map */
#define LIMIT_TEMPLATE_DEPTH      1000
#define LIMIT_TEMPLATE_STEPS      50000000u
#define LIMIT_TEMPLATE_OUTPUT     (64u << 20)
#define LIMIT_TEMPLATE_MEMORY     (256u << 20)
#define LIMIT_EVENTS_COUNT        10000
#define LIMIT_LOG_LINES_COUNT     2000
#define LIMIT_JOURNAL_LINE        (16u << 20)
#define LIMIT_GENERATIONS_COUNT   20
#define LIMIT_DIFF_LINES_COUNT    20000

#endif
