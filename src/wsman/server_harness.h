/* wsman/server_harness.h - for tests and fuzzing: requests by hand over the fake object manager. Included by one test file each. */
#ifndef WSMAN_SERVER_HARNESS_H
#define WSMAN_SERVER_HARNESS_H

#include <stdio.h>
#include <stdlib.h>

#include "auth/access.h"
#include "auth/sddl.h"
#include "cim/fake_manager.h"
#include "wsman/server_priv.h"

/* --- requests --------------------------------------------------------------------------------- */

struct exchange {
    struct wsman_request request;
    struct buf reply;
    int status;
    char type[64];
    bool replied;
    int64_t armed; /* -1: not */
};

static void on_reply(struct wsman_request *r, int http_status, const char *content_type, const struct slice *parts,
                     unsigned count)
{
    struct exchange *x = r->owner;
    if (x->replied || !exec_here(r->home)) abort();
    x->replied = true;
    x->status = http_status;
    snprintf(x->type, sizeof x->type, "%s", content_type ? content_type : "");
    for (unsigned i = 0; i < count; i++) buf_slice_add(&x->reply, parts[i]);
}

static void on_arm(struct wsman_request *r, int64_t after_us)
{
    ((struct exchange *)r->owner)->armed = after_us;
}

UNUSED_OK static void exchange_free(struct exchange *x)
{
    buf_free(&x->reply);
    *x = (struct exchange){ 0 };
}

/* Sends body as p on one of the two loops. */
UNUSED_OK static void exchange_send(struct exchange *x, struct wsman_server *s, const struct principal *p, int loop,
                          struct slice type, struct slice body)
{
    *x = (struct exchange){ .armed = -1 };
    buf_init(&x->reply, 0);
    x->request = (struct wsman_request){ .content_type = type, .body = body, .principal = p, .home = &loops[loop].exec,
                                         .reply = on_reply, .arm = on_arm, .owner = x };
    fake_current = &loops[loop];
    wsman_server_handle(s, &x->request);
}

/* --- a client in five lines ------------------------------------------------------------------- */

#define WMI_URI "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/"
#define DMTF_URI "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
#define CIMXML_URI "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/"
#define XFER(verb) "http://schemas.xmlsoap.org/ws/2004/09/transfer/" verb
#define ENUM(verb) "http://schemas.xmlsoap.org/ws/2004/09/enumeration/" verb
#define WQL_DIALECT "http://schemas.microsoft.com/wbem/wsman/1/WQL"
#define SELECTOR_DIALECT "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"

#define ENVELOPE_OPEN "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" " \
    "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" " \
    "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" " \
    "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" " \
    "xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\" " \
    "xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" " \
    "xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" " \
    "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" " \
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header>"
#define ADDRESSING "<a:To>http://host/wsman</a:To><a:ReplyTo><a:Address s:mustUnderstand=\"true\">" SOAP_ANONYMOUS \
    "</a:Address></a:ReplyTo><a:MessageID>uuid:Mixed-Case-1</a:MessageID>"
#define SEL(name, value) "<w:Selector Name=\"" name "\">" value "</w:Selector>"
#define SET(selectors) "<w:SelectorSet>" selectors "</w:SelectorSet>"

/* As the broker makes them; never freed. */
enum { FAKE_REFS = 1 << 20 };
static struct principal fake_alice = { .magic = 0x50524e43, .refs = FAKE_REFS, .name = { "alice", 5 },
                                       .scheme = AUTH_BASIC, .sid = "S-1-5-21-1-2-3-1001" };
static struct principal fake_bob = { .magic = 0x50524e43, .refs = FAKE_REFS, .name = { "bob", 3 },
                                     .scheme = AUTH_BASIC, .sid = "S-1-5-21-1-2-3-1002" };

struct fixture {
    struct fake_manager m;
    struct wsman_server *server;
    struct wsman_server_config config;
    const struct principal *alice, *bob;
    struct arena arena;
    struct exchange x;          /* the last one made by ask() */
    struct soap_envelope reply; /* its reply */
    struct soap_fault_info fault;
    int loop;                   /* that ask() uses */
};
static int64_t fake_now;
UNUSED_OK static int64_t fake_clock(void)
{
    return fake_now;
}

UNUSED_OK static void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    fake_now = 1000000;
    fake_init(&f->m);
    arena_init(&f->arena, 0);
    f->alice = &fake_alice;
    f->bob = &fake_bob;
    f->config.manager = &f->m.base;
    f->config.machine = SLICE("testhost");
    f->config.default_ns = SLICE("root/test");
    f->config.now_us = fake_clock;
    if (access_token_make(&f->arena, &fake_alice, NULL, 0, &fake_alice.token, NULL) != CIMF_OK ||
        access_token_make(&f->arena, &fake_bob, NULL, 0, &fake_bob.token, NULL) != CIMF_OK ||
        sddl_parse(&f->arena, SLICE("O:BAG:BAD:(A;;GA;;;AU)"), NULL, &f->config.root_sd, NULL) != CIMF_OK) abort();
}

UNUSED_OK static void fixture_serve(struct fixture *f)
{
    if (wsman_server_new(&f->config, &f->server, NULL) != CIMF_OK) abort();
}

UNUSED_OK static void fixture_close(struct fixture *f)
{
    if (f->x.reply.p) exchange_free(&f->x);
    if (f->server) wsman_server_stop(f->server);
    fake_run();
    if (f->m.active) abort(); /* an operation was forgotten */
    if (f->m.without_principal) abort();
    wsman_server_free(f->server);
    if (fake_alice.refs != FAKE_REFS || fake_bob.refs != FAKE_REFS) abort(); /* a reference was forgotten */
    arena_free(&f->arena);
    fake_free(&f->m);
}

/* Parses what came back. */
static void fixture_reply(struct fixture *f)
{
    struct error e = ERROR_INIT;
    struct slice text;
    enum xml_charset seen;
    f->reply = (struct soap_envelope){ 0 };
    f->fault = (struct soap_fault_info){ 0 };
    if (!f->x.replied || f->x.reply.n == 0) return;
    if (xml_decode(&f->arena, buf_slice(&f->x.reply), SLICE(""), &text, &seen, &e) != CIMF_OK ||
        soap_envelope_read(&f->arena, text, &f->reply, &e) != CIMF_OK) {
        fprintf(stderr, "%s in %s\n", error_text(&e), buf_strz(&f->x.reply));
        abort();
    }
    soap_fault_read(&f->arena, &f->reply, &f->fault);
}

/* Sends a whole envelope as text; runs what is posted. */
UNUSED_OK static void fixture_send(struct fixture *f, struct slice text)
{
    if (f->x.reply.p) exchange_free(&f->x);
    exchange_send(&f->x, f->server, f->alice, f->loop, SLICE("application/soap+xml;charset=UTF-8"), text);
    fake_run();
    fixture_reply(f);
}

/* headers: further blocks. body: what s:Body holds. */
UNUSED_OK static struct slice message(struct fixture *f, const char *action, const char *uri, const char *headers,
                            const char *body)
{
    struct buf b;
    buf_init(&b, 0);
    buf_lit(&b, ENVELOPE_OPEN ADDRESSING);
    buf_printf(&b, "<a:Action s:mustUnderstand=\"true\">%s</a:Action><w:ResourceURI s:mustUnderstand=\"true\">%s"
               "</w:ResourceURI>%s</s:Header><s:Body>%s</s:Body></s:Envelope>", action, uri, headers, body);
    struct slice s = arena_dup(&f->arena, buf_slice(&b));
    buf_free(&b);
    return s;
}

UNUSED_OK static void ask(struct fixture *f, const char *action, const char *uri, const char *headers,
                          const char *body)
{
    fixture_send(f, message(f, action, uri, headers, body));
}

#endif
