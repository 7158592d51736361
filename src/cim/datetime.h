/* cim/datetime.h - CIM datetimes: 25 characters, timestamp or interval, whole-field wildcards. */
#ifndef CIM_DATETIME_H
#define CIM_DATETIME_H

#include "cim/type.h"

#define CIM_DATETIME_LENGTH 25

struct cim_datetime {
    bool interval;
    bool wild;          /* some field is '*' : only equality of text is defined */
    bool zoned;         /* offset given (not "***") */
    int64_t us;         /* interval: length; timestamp: UTC microseconds since 1970-01-01 */
    int offset;         /* minutes east of UTC */
};

bool cim_datetime_parse(struct slice text, struct cim_datetime *out);
void cim_datetime_write(const struct cim_datetime *d, char out[CIM_DATETIME_LENGTH + 1]);
/* Also what WQL and XML clients send: xs:dateTime, xs:date, xs:duration, yyyy-mm-dd HH:MM:SS:mmm,
 * mm/dd/yyyy (cim-core.md 2.2). Local time where no zone is given. Writes the canonical 25 characters. */
bool cim_datetime_read(struct slice text, char out[CIM_DATETIME_LENGTH + 1]);
/* -1, 0, 1; *defined = false where no order exists (wildcards, interval against timestamp). */
int cim_datetime_compare(struct slice a, struct slice b, bool *defined);
/* xs:dateTime / xs:duration text (wsman.md 2.8). false for wildcards. */
bool cim_datetime_xml(struct slice text, struct buf *out);

#endif
