# Third-party libraries, each a static library of the unpacked sources, native and wasm alike.
foreach(NAME libsodium libssh2 lwip mbedtls nghttp2 yyjson zstd)
    if(NOT EXISTS ${MESHTERM_DEPS}/${NAME}/.stamp)
        message(FATAL_ERROR "${NAME} is not in ${MESHTERM_DEPS}: run wasm/third_party/fetch.sh")
    endif()
endforeach()

# third_party(<name> HOT|COLD [PARSER] SOURCES ...), PARSER: it parses what comes from outside.
# INCLUDES and DEFINES are those of its users too, the PRIVATE_ ones its own.
function(third_party NAME HEAT)
    cmake_parse_arguments(T "PARSER" "" "SOURCES;INCLUDES;PRIVATE_INCLUDES;DEFINES;PRIVATE_DEFINES" ${ARGN})
    add_library(${NAME} STATIC ${T_SOURCES})
    target_compile_options(${NAME} PRIVATE -w ${${HEAT}_FLAGS} ${INSTRUMENT_THIRD})
    if(T_PARSER)
        target_compile_options(${NAME} PRIVATE ${INSTRUMENT_PARSERS})
    endif()
    target_include_directories(${NAME} SYSTEM PUBLIC ${T_INCLUDES})
    target_include_directories(${NAME} PRIVATE ${T_PRIVATE_INCLUDES})
    target_compile_definitions(${NAME} PUBLIC ${T_DEFINES} PRIVATE ${T_PRIVATE_DEFINES})
    set_target_properties(${NAME} PROPERTIES C_EXTENSIONS ON)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/libsodium.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/lwip.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/mbedtls.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/nghttp2.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/yyjson.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/zstd.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/libssh2.cmake)
