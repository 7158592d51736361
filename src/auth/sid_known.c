/* The table of well-known SIDs: MS-DTYP 2.4.2.4 and the letters of 2.5.1.1. */
#include "auth/sid.h"

struct row {
    char code[3];    /* "" if SDDL has none */
    bool read_only;  /* letters that newer Windows writes but MS-DTYP does not list: taken, not written */
    const char *name;
    struct sid sid;
};

#define ONE(authority, a) { authority, { a }, 1 }
#define NT(a) ONE(5, a)
#define BUILTIN(rid) { 5, { 32, rid }, 2 }

static const struct row rows[] = {
    { "", false, "NULL SID", ONE(0, 0) },
    { "WD", false, "Everyone", ONE(1, 0) },
    { "", false, "LOCAL", ONE(2, 0) },
    { "", false, "CONSOLE LOGON", ONE(2, 1) },
    { "CO", false, "CREATOR OWNER", ONE(3, 0) },
    { "CG", false, "CREATOR GROUP", ONE(3, 1) },
    { "", false, "CREATOR OWNER SERVER", ONE(3, 2) },
    { "", false, "CREATOR GROUP SERVER", ONE(3, 3) },
    { "OW", false, "OWNER RIGHTS", ONE(3, 4) },
    { "", false, "NT AUTHORITY\\DIALUP", NT(1) },
    { "NU", false, "NT AUTHORITY\\NETWORK", NT(2) },
    { "", false, "NT AUTHORITY\\BATCH", NT(3) },
    { "IU", false, "NT AUTHORITY\\INTERACTIVE", NT(4) },
    { "SU", false, "NT AUTHORITY\\SERVICE", NT(6) },
    { "AN", false, "NT AUTHORITY\\ANONYMOUS LOGON", NT(7) },
    { "", false, "NT AUTHORITY\\PROXY", NT(8) },
    { "ED", false, "NT AUTHORITY\\ENTERPRISE DOMAIN CONTROLLERS", NT(9) },
    { "PS", false, "NT AUTHORITY\\SELF", NT(10) },
    { "AU", false, "NT AUTHORITY\\Authenticated Users", NT(11) },
    { "RC", false, "NT AUTHORITY\\RESTRICTED", NT(12) },
    { "", false, "NT AUTHORITY\\TERMINAL SERVER USER", NT(13) },
    { "", false, "NT AUTHORITY\\REMOTE INTERACTIVE LOGON", NT(14) },
    { "", false, "NT AUTHORITY\\This Organization", NT(15) },
    { "", false, "NT AUTHORITY\\IUSR", NT(17) },
    { "SY", false, "NT AUTHORITY\\SYSTEM", NT(18) },
    { "LS", false, "NT AUTHORITY\\LOCAL SERVICE", NT(19) },
    { "NS", false, "NT AUTHORITY\\NETWORK SERVICE", NT(20) },
    { "BA", false, "BUILTIN\\Administrators", BUILTIN(544) },
    { "BU", false, "BUILTIN\\Users", BUILTIN(545) },
    { "BG", false, "BUILTIN\\Guests", BUILTIN(546) },
    { "PU", false, "BUILTIN\\Power Users", BUILTIN(547) },
    { "AO", false, "BUILTIN\\Account Operators", BUILTIN(548) },
    { "SO", false, "BUILTIN\\Server Operators", BUILTIN(549) },
    { "PO", false, "BUILTIN\\Print Operators", BUILTIN(550) },
    { "BO", false, "BUILTIN\\Backup Operators", BUILTIN(551) },
    { "RE", false, "BUILTIN\\Replicator", BUILTIN(552) },
    { "RU", false, "BUILTIN\\Pre-Windows 2000 Compatible Access", BUILTIN(554) },
    { "RD", false, "BUILTIN\\Remote Desktop Users", BUILTIN(555) },
    { "NO", false, "BUILTIN\\Network Configuration Operators", BUILTIN(556) },
    { "", false, "BUILTIN\\Incoming Forest Trust Builders", BUILTIN(557) },
    { "MU", false, "BUILTIN\\Performance Monitor Users", BUILTIN(558) },
    { "LU", false, "BUILTIN\\Performance Log Users", BUILTIN(559) },
    { "", false, "BUILTIN\\Windows Authorization Access Group", BUILTIN(560) },
    { "", false, "BUILTIN\\Terminal Server License Servers", BUILTIN(561) },
    { "", false, "BUILTIN\\Distributed COM Users", BUILTIN(562) },
    { "IS", false, "BUILTIN\\IIS_IUSRS", BUILTIN(568) },
    { "CY", false, "BUILTIN\\Cryptographic Operators", BUILTIN(569) },
    { "ER", false, "BUILTIN\\Event Log Readers", BUILTIN(573) },
    { "CD", false, "BUILTIN\\Certificate Service DCOM Access", BUILTIN(574) },
    { "RA", false, "BUILTIN\\RDS Remote Access Servers", BUILTIN(575) },
    { "ES", false, "BUILTIN\\RDS Endpoint Servers", BUILTIN(576) },
    { "MS", false, "BUILTIN\\RDS Management Servers", BUILTIN(577) },
    { "HA", false, "BUILTIN\\Hyper-V Administrators", BUILTIN(578) },
    { "AA", false, "BUILTIN\\Access Control Assistance Operators", BUILTIN(579) },
    { "RM", false, "BUILTIN\\Remote Management Users", BUILTIN(580) },
    { "", false, "BUILTIN\\Storage Replica Administrators", BUILTIN(582) },
    { "WR", false, "NT AUTHORITY\\WRITE RESTRICTED", NT(33) },
    { "", false, "NT AUTHORITY\\NTLM Authentication", { 5, { 64, 10 }, 2 } },
    { "", false, "NT AUTHORITY\\SChannel Authentication", { 5, { 64, 14 }, 2 } },
    { "", false, "NT AUTHORITY\\Digest Authentication", { 5, { 64, 21 }, 2 } },
    { "", false, "NT AUTHORITY\\This Organization Certificate", { 5, { 65, 1 }, 2 } },
    { "", false, "NT SERVICE\\ALL SERVICES", { 5, { 80, 0 }, 2 } },
    { "UD", false, "NT AUTHORITY\\USER MODE DRIVERS", { 5, { 84, 0, 0, 0, 0, 0 }, 6 } },
    { "", false, "NT AUTHORITY\\Local account", NT(113) },
    { "", false, "NT AUTHORITY\\Local account and member of Administrators group", NT(114) },
    { "", false, "NT AUTHORITY\\Other Organization", NT(1000) },
    { "AC", false, "APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES", { 15, { 2, 1 }, 2 } },
    { "", false, "Mandatory Label\\Untrusted Mandatory Level", ONE(16, 0) },
    { "LW", false, "Mandatory Label\\Low Mandatory Level", ONE(16, 0x1000) },
    { "ME", false, "Mandatory Label\\Medium Mandatory Level", ONE(16, 0x2000) },
    { "MP", false, "Mandatory Label\\Medium Plus Mandatory Level", ONE(16, 0x2100) },
    { "HI", false, "Mandatory Label\\High Mandatory Level", ONE(16, 0x3000) },
    { "SI", false, "Mandatory Label\\System Mandatory Level", ONE(16, 0x4000) },
    { "", false, "Mandatory Label\\Protected Process Mandatory Level", ONE(16, 0x5000) },
    { "", false, "Mandatory Label\\Secure Process Mandatory Level", ONE(16, 0x7000) },
    { "AS", true, "Authentication authority asserted identity", ONE(18, 1) },
    { "SS", true, "Service asserted identity", ONE(18, 2) },
};

/* Letters that stand for a rid in the domain (LA and LG: of the machine, which is our one domain). */
static const struct {
    char code[3];
    uint32_t rid;
} domain_rows[] = {
    { "RO", 498 }, { "LA", 500 }, { "LG", 501 }, { "DA", 512 }, { "DU", 513 }, { "DG", 514 },
    { "DC", 515 }, { "DD", 516 }, { "CA", 517 }, { "SA", 518 }, { "EA", 519 }, { "PA", 520 },
    { "CN", 522 }, { "AP", 525 }, { "KA", 526 }, { "EK", 527 }, { "RS", 553 },
};

enum { ROWS = sizeof rows / sizeof rows[0], DOMAIN_ROWS = sizeof domain_rows / sizeof domain_rows[0] };

static const struct sid known[] = {
    [SID_NOBODY] = ONE(0, 0),
    [SID_EVERYONE] = ONE(1, 0),
    [SID_LOCAL] = ONE(2, 0),
    [SID_CREATOR_OWNER] = ONE(3, 0),
    [SID_CREATOR_GROUP] = ONE(3, 1),
    [SID_OWNER_RIGHTS] = ONE(3, 4),
    [SID_NETWORK] = NT(2),
    [SID_INTERACTIVE] = NT(4),
    [SID_ANONYMOUS] = NT(7),
    [SID_SELF] = NT(10),
    [SID_AUTHENTICATED] = NT(11),
    [SID_THIS_ORGANIZATION] = NT(15),
    [SID_SYSTEM] = NT(18),
    [SID_LOCAL_SERVICE] = NT(19),
    [SID_NETWORK_SERVICE] = NT(20),
    [SID_ADMINISTRATORS] = BUILTIN(544),
    [SID_USERS] = BUILTIN(545),
    [SID_GUESTS] = BUILTIN(546),
    [SID_REMOTE_MANAGEMENT_USERS] = BUILTIN(580),
    [SID_NTLM] = { 5, { 64, 10 }, 2 },
    [SID_SCHANNEL] = { 5, { 64, 14 }, 2 },
    [SID_DIGEST] = { 5, { 64, 21 }, 2 },
    [SID_LOCAL_ACCOUNT] = NT(113),
    [SID_LOCAL_ADMINISTRATOR] = NT(114),
};

struct sid sid_known(enum sid_known which) { return known[which]; }

bool sid_is(const struct sid *s, enum sid_known which) { return sid_eq(s, &known[which]); }

const char *sid_name(const struct sid *s)
{
    for (int i = 0; i < ROWS; i++)
        if (sid_eq(s, &rows[i].sid)) return rows[i].name;
    return NULL;
}

bool sid_by_name(struct slice name, struct sid *out)
{
    for (int i = 0; i < ROWS; i++)
        if (slice_ieq(name, slice_str(rows[i].name))) {
            *out = rows[i].sid;
            return true;
        }
    return false;
}

bool sid_builtin(struct slice group, struct sid *out)
{
    static const struct slice domain = { "BUILTIN\\", 8 };
    for (int i = 0; i < ROWS; i++) {
        struct slice name = slice_str(rows[i].name);
        if (slice_starts(name, domain) && slice_ieq(group, slice_sub(name, domain.n))) {
            *out = rows[i].sid;
            return true;
        }
    }
    return false;
}

enum sid_code_result sid_by_code(const char code[2], const struct sid *domain, struct sid *out)
{
    struct slice s = slice_of(code, 2);
    for (int i = 0; i < ROWS; i++)
        if (rows[i].code[0] && slice_ieq(s, slice_of(rows[i].code, 2))) {
            *out = rows[i].sid;
            return SID_CODE_OK;
        }
    for (int i = 0; i < DOMAIN_ROWS; i++)
        if (slice_ieq(s, slice_of(domain_rows[i].code, 2)))
            return domain && sid_of_rid(domain, domain_rows[i].rid, out) ? SID_CODE_OK
                                                                         : SID_CODE_DOMAIN;
    return SID_CODE_UNKNOWN;
}

const char *sid_code(const struct sid *s)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].code[0] && !rows[i].read_only && sid_eq(s, &rows[i].sid)) return rows[i].code;
    return NULL;
}
