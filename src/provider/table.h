/*
 * provider/table.h - the classes that this room serves. One file per subject defines its
 * `struct provider_class`; table.c lists them for the object manager.
 */
#ifndef PROVIDER_TABLE_H
#define PROVIDER_TABLE_H

#include "cimom/provider.h"

extern const struct provider_class provider_os;
extern const struct provider_class provider_computer;
extern const struct provider_class provider_product;
extern const struct provider_class provider_bios;
extern const struct provider_class provider_processor;
extern const struct provider_class provider_memory;
extern const struct provider_class provider_disk;
extern const struct provider_class provider_drive;
extern const struct provider_class provider_partition;
extern const struct provider_class provider_drive_partition;
extern const struct provider_class provider_disk_partition;
extern const struct provider_class provider_netadapter;
extern const struct provider_class provider_netconfig;
extern const struct provider_class provider_process;
extern const struct provider_class provider_service;
extern const struct provider_class provider_user;
extern const struct provider_class provider_group;
extern const struct provider_class provider_timezone;
extern const struct provider_class provider_localtime;
extern const struct provider_class provider_utctime;
extern const struct provider_class provider_environment;

#endif
