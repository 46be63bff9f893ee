; What C and C++ both define and import. Each pattern begins with the node that is the definition; the first that fits wins.
; `top`: only where no function is around it. A declarator is unwrapped until its name is found.

(function_definition declarator: (_) @declarator body: (_) @body) @function
(function_definition declarator: (_) @declarator) @function
((declaration declarator: (_) @declarator) @variable (#set! top))
(struct_specifier name: (_) @name body: (_) @body) @struct
(union_specifier name: (_) @name body: (_) @body) @struct
(enum_specifier name: (_) @name body: (_) @body) @enum
(enumerator name: (_) @name) @variant
(field_declaration declarator: (_) @declarator) @field
(type_definition declarator: (_) @declarator) @type
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name) @macro

(preproc_include) @import
