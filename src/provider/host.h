/*
 * provider/host.h - facts that many classes repeat: names of this machine, its boot time, its
 * system, and the ways they are put into instances.
 */
#ifndef PROVIDER_HOST_H
#define PROVIDER_HOST_H

#include "cimom/provider.h"

#define HOST_COMPUTER_CLASS "Win32_ComputerSystem"
#define HOST_OS_CLASS "Win32_OperatingSystem"

/* Node name up to its first dot; never empty ("localhost"). What CSName, SystemName and Domain say.
 */
struct slice host_name(struct arena *a);
/* Node name as the kernel has it, maybe with a domain. */
struct slice host_node(struct arena *a);
/* Value of os-release, "" if unset: PRETTY_NAME, VERSION_ID, ... */
struct slice host_release(struct arena *a, const char *key);
/* PRETTY_NAME, or the kernel's name: Caption and Name of the operating system. */
struct slice host_os_caption(struct arena *a);
/* Three numbers with dots: VERSION_ID padded, the kernel's release without one. */
struct slice host_os_version(struct arena *a);
/* Wall time of the boot (btime of /proc/stat); 0 if unknown. */
int64_t host_boot_us(struct arena *a);
/* SMBIOS chassis type (DMTF DSP0134 7.4.1), 0 if unknown. */
unsigned host_chassis(void);
/* True for chassis of desktops and portables. */
bool host_is_workstation(unsigned chassis);

/* A moment in local time with its offset, as Windows writes them. */
void host_put_time(struct cim_instance *out, const char *name, int64_t wall_us);
/* CreationClassName (the class of out), SystemCreationClassName and SystemName. */
void host_put_device(struct cim_instance *out, struct arena *a);
/* Full path of an instance of root/cimv2 of this machine with one string key. */
struct slice host_reference(struct arena *a, const char *class_name, const char *key,
                            struct slice value);
/* Text form of the SID of a local user or group: S-1-22-1-uid and S-1-22-2-gid, as Samba has it. */
struct slice host_user_sid(struct arena *a, uint32_t uid);
struct slice host_group_sid(struct arena *a, uint32_t gid);
/* The one row that open() of a class with a single instance answers. */
cimf_status host_open_single(struct provider_call *c, void **state, size_t *rows);

#endif
