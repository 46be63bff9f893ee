; What Rust defines and imports. Each pattern begins with the node that is the definition; the first that fits wins.

(function_item name: (_) @name body: (_) @body) @function
(function_signature_item name: (_) @name) @function
(struct_item name: (_) @name body: (field_declaration_list) @body) @struct
(struct_item name: (_) @name) @struct
(union_item name: (_) @name body: (_) @body) @struct
(enum_item name: (_) @name body: (_) @body) @enum
(enum_variant name: (_) @name) @variant
(field_declaration name: (_) @name) @field
(trait_item name: (_) @name bounds: (_)? @bases body: (_) @body) @trait
(impl_item trait: (_)? @bases type: (_) @name body: (_) @body) @impl
(mod_item name: (_) @name body: (_) @body) @module
(mod_item name: (_) @name) @module
(const_item name: (_) @name) @constant
(static_item name: (_) @name) @variable
(type_item name: (_) @name) @type
(associated_type name: (_) @name) @type
(macro_definition name: (_) @name) @macro

(use_declaration) @import
(extern_crate_declaration) @import
