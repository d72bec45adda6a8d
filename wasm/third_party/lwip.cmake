# lwIP 2.2.1, raw API without an operating system; configured by wasm/netstack/lwipopts.h.
set(DIR ${MESHTERM_DEPS}/lwip/src)
file(GLOB SOURCES ${DIR}/core/*.c ${DIR}/core/ipv4/*.c ${DIR}/core/ipv6/*.c)
third_party(lwip HOT PARSER SOURCES ${SOURCES} INCLUDES ${DIR}/include ${WASM_DIR}/netstack ${WASM_DIR})
# lwIP calls back into its port: hooks, checksum, random numbers.
target_link_libraries(lwip INTERFACE core_netstack)
# Per connection or never, not per packet.
set_source_files_properties(${DIR}/core/ipv6/nd6.c ${DIR}/core/netif.c ${DIR}/core/ipv6/icmp6.c ${DIR}/core/ipv4/icmp.c
    PROPERTIES COMPILE_OPTIONS "${COLD_FLAGS}")
