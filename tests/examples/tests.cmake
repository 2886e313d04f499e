# The examples against the installed package: installs it into the build tree, configures the
# examples as a project of their own, builds and runs them. One step of ctest each.
set(prefix ${CMAKE_CURRENT_BINARY_DIR}/installed)
set(built ${CMAKE_CURRENT_BINARY_DIR}/examples_build)

function(example_step name needs gives)
  add_test(NAME examples.${name} COMMAND ${ARGN})
  set_tests_properties(examples.${name} PROPERTIES LABELS "core;examples" TIMEOUT 300
    FIXTURES_REQUIRED "${needs}" FIXTURES_SETUP "${gives}")
endfunction()

example_step(install "" frdpu_installed
  ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --component library --prefix ${prefix})
example_step(configure frdpu_installed examples_configured
  ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR}/tests/examples -B ${built} -G ${CMAKE_GENERATOR}
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
    -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
example_step(build examples_configured examples_built ${CMAKE_COMMAND} --build ${built})
foreach(name pipeline buffer_manager frame_loop)
  example_step(${name} examples_built "" ${built}/${name})
endforeach()
set(line "cp '${PROJECT_SOURCE_DIR}/README.md' plain")
foreach(suffix lz4 zst gz br)
  string(APPEND line " && ./file_compressor compress plain packed.${suffix}"
    " && ./file_compressor decompress packed.${suffix} back && cmp plain back")
endforeach()
example_step(file_compressor examples_built "" ${CMAKE_COMMAND} -E chdir ${built} sh -c "${line}")

# The same without CMake; and in a program with AddressSanitizer, which the library need not have.
function(pkg_config_step name example)
  list(JOIN ARGN " " more)
  string(JOIN " " line "PKG_CONFIG_PATH=${prefix}/${CMAKE_INSTALL_LIBDIR}/pkgconfig &&"
    "export PKG_CONFIG_PATH &&" ${CMAKE_CXX_COMPILER} -std=c++23 -O1 ${more}
    ${PROJECT_SOURCE_DIR}/tests/examples/${example}.cc "$(pkg-config --cflags --libs frdpu)"
    -o ${CMAKE_CURRENT_BINARY_DIR}/example_${name} && ${CMAKE_CURRENT_BINARY_DIR}/example_${name})
  example_step(${name} frdpu_installed "" sh -c "${line}")
endfunction()
pkg_config_step(pkg_config frame_loop)
pkg_config_step(sanitized_user buffer_manager -fsanitize=address)
